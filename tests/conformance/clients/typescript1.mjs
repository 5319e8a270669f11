// The TypeScript SDK, version 1: makes the calls of standard input in one session and tells what came back.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// the packages are installed elsewhere, in the folder that MCP_PACKAGES names
const packages = createRequire(`${process.env.MCP_PACKAGES}/package.json`);
const load = async (name) => import(pathToFileURL(packages.resolve(`@modelcontextprotocol/sdk/${name}`)));
const { Client } = await load("client/index.js");
const { StreamableHTTPClientTransport } = await load("client/streamableHttp.js");

const headers = process.env.MCP_KEY ? { "X-API-Key": process.env.MCP_KEY } : {};

async function outcome(client, [name, args]) {
  try {
    const result = await client.callTool({ name, arguments: args });
    const texts = result.content.map((content) => content.text);
    return { is_error: result.isError ?? false, texts, structured: result.structuredContent ?? null };
  } catch (error) {
    return { raised: { code: error.code, message: error.message, data: error.data ?? null } };
  }
}

async function outcomes(calls) {
  const client = new Client({ name: "test", version: "1" });
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(process.env.MCP_URL), { requestInit: { headers } }));
  } catch (error) {
    return [{ refused: { code: error.code, message: error.message } }];
  }
  await client.listTools(); // so that results are checked against the output schemas
  const found = [];
  for (const call of calls) found.push(await outcome(client, call));
  await client.close();
  return found;
}

console.log(JSON.stringify(await outcomes(JSON.parse(readFileSync(0, "utf8")))));
