"use strict";

/* Copying, the server's health, and the form that calls the tools as any client does: by POST to /mcp. */

const PROTOCOL = "2026-07-28";
const HEALTH_SECONDS = 30;
const byId = (id) => document.getElementById(id);

function make(name, text, className) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function offerCopies() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(byId(button.dataset.copy).textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
}

async function showHealth() {
  const place = byId("status");
  try {
    const health = await (await fetch("/health", { cache: "no-store" })).json();
    const ill = Object.entries(health.components || {}).filter(([, part]) => part.status !== "healthy");
    const state = make("span", health.status, `state-${health.status}`);
    const why = ill.length ? ill.map(([name, part]) => `${name}: ${part.message}`).join(" ") : "Every part answers.";
    place.replaceChildren(state, make("small", why));
  } catch {
    place.replaceChildren(make("span", "unreachable", "state-unhealthy"));
  }
}

function chooseTool() {
  for (const fieldset of document.querySelectorAll("#try-form fieldset")) {
    const chosen = fieldset.id === `form-${byId("tool").value}`;
    fieldset.hidden = !chosen;
    fieldset.disabled = !chosen;
  }
}

/** The arguments that differ from what the form began with, or are required. */
function typedArguments(fieldset) {
  const given = {};
  for (const input of fieldset.querySelectorAll("[name]")) {
    if (input.type === "checkbox") given[input.name] = input.checked;
    else if (input.type === "number") given[input.name] = Number(input.value);
    else if (input.value !== "") given[input.name] = input.value;
  }
  return given;
}

function callMessage(name, given) {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": PROTOCOL,
    "io.modelcontextprotocol/clientInfo": { name: "landing-page", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: given, _meta: meta } };
}

async function callTool(name, given, key) {
  const headers = {
    "Content-Type": "application/json",
    Accept: "application/json, text/event-stream",
    "MCP-Protocol-Version": PROTOCOL,
    "Mcp-Method": "tools/call",
    "Mcp-Name": name,
  };
  if (key) headers.Authorization = `Bearer ${key}`;
  const answer = await fetch("/mcp", { method: "POST", headers, body: JSON.stringify(callMessage(name, given)) });
  const message = await answer.json();
  const result = message.result || {};
  const failure = message.error || (result.isError ? (result.structuredContent || {}).error : undefined);
  return { failure, content: failure ? message : result.structuredContent || result };
}

/** The list in an answer that a person wants to see first. */
function itemsOf(content) {
  for (const name of ["results", "posts", "comments", "trending_topics", "key_themes", "rules"]) {
    if (Array.isArray(content[name]) && content[name].length) return content[name];
  }
  return [];
}

function shownItem(item) {
  const line = make("li");
  const title = item.title || item.keyword || item.theme || item.body || item.short_name || item.id || "";
  const address = String(item.permalink || "");
  const head = make(address.startsWith("https://www.reddit.com/") ? "a" : "span", title);
  if (head.href !== undefined) { head.href = address; head.rel = "noreferrer nofollow"; }
  const facts = [
    item.subreddit && `r/${item.subreddit}`,
    item.author && `u/${item.author}`,
    item.score !== undefined && item.score !== null && `score ${item.score}`,
    item.num_comments !== undefined && `${item.num_comments} comments`,
    item.mentions !== undefined && `${item.mentions} mentions`,
  ].filter(Boolean);
  line.append(head, make("small", facts.join(" · ")));
  return line;
}

function factsOf(content) {
  const metadata = content.metadata || {};
  const parts = [
    metadata.source && `Source: ${metadata.source}`,
    metadata.cached ? `from the cache, ${metadata.cache_age_seconds} s old` : "not from the cache",
    metadata.execution_time_ms !== undefined && `${metadata.execution_time_ms} ms`,
  ].filter(Boolean);
  return [`${parts.join(", ")}.`, metadata.notice, metadata.degraded].filter(Boolean).join(" ");
}

function show({ failure, content }) {
  byId("result-title").textContent = failure ? "The call failed" : "Answer";
  byId("result-facts").textContent = failure ? failure.message : factsOf(content);
  byId("result-facts").className = failure ? "failed" : "note";
  byId("result-items").replaceChildren(...(failure ? [] : itemsOf(content).slice(0, 10).map(shownItem)));
  byId("result-json").textContent = JSON.stringify(content, null, 2);
  byId("result-whole").open = !failure && itemsOf(content).length === 0;
  byId("try-result").hidden = false;
  byId("result-title").focus();
}

async function submit(event) {
  event.preventDefault();
  const name = byId("tool").value;
  const button = event.target.querySelector("button[type=submit]");
  button.disabled = true;
  byId("try-state").textContent = "Asking…";
  try {
    show(await callTool(name, typedArguments(byId(`form-${name}`)), byId("key").value.trim()));
  } catch {
    show({ failure: { message: "The server did not answer." }, content: {} });
  } finally {
    button.disabled = false;
    byId("try-state").textContent = "";
  }
}

offerCopies();
showHealth();
setInterval(showHealth, HEALTH_SECONDS * 1000);
byId("tool").addEventListener("change", chooseTool);
byId("try-form").addEventListener("submit", submit);
byId("try-form").hidden = false;
chooseTool();
