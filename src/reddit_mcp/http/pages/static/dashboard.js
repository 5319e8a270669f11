"use strict";

/**
 * The live figures. Every field may be missing, in an older server or before the first call.
 *
 * @typedef {Object} Window 5 minutes
 * @property {number|string} start seconds since 1970, or ISO 8601
 * @property {number} [total_requests]
 * @property {number} [error_count]
 * @property {number} [p95_ms]
 * @property {number} [cache_hits]
 * @property {number} [cache_misses]
 *
 * @typedef {Object} Stats what /stats answers
 * @property {{total_requests?: number, error_count?: number, error_rate?: number, active_users?: number,
 *   rate_limit_hits?: number}} [overview] rates from 0 to 1
 * @property {{p50_ms?: number, p95_ms?: number, p99_ms?: number}} [latency]
 * @property {{hits?: number, misses?: number, hit_rate?: number, avg_age_seconds?: number}} [cache]
 * @property {Object<string, number>} [requests_by_tool]
 * @property {Object<string, number>} [errors_by_type]
 * @property {{tokens_available?: number, capacity?: number, utilization?: number}} [budget]
 * @property {{depth?: number, capacity?: number, oldest_wait_seconds?: number}} [queue]
 * @property {{tool?: string, duration_ms?: number}[]} [slowest_calls]
 * @property {{caller?: string, refused?: number}[]} [top_violators]
 * @property {Window[]} [series] the last 24 hours
 * @property {{days?: number, objective?: number, availability?: number, burn_rate?: number,
 *   error_budget?: {allowed?: number, used?: number, remaining?: number}}} [availability]
 */

const SECONDS = 5;
const KEY = "operator-key";
const byId = (id) => document.getElementById(id);
let paused = false;

function make(name, text, className) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const number = (value) => (isNumber(value) ? value.toLocaleString("en", { maximumFractionDigits: 1 }) : "–");
const percent = (value) => (isNumber(value) ? `${(value * 100).toFixed(1)} %` : "–");
const milliseconds = (value) => (isNumber(value) ? `${number(Math.round(value))} ms` : "–");
const record = (value) => (value !== null && typeof value === "object" ? value : {});
const list = (value) => (Array.isArray(value) ? value.map(record) : []);
const seconds = (value) => (isNumber(value) ? value : Date.parse(value) / 1000);

function table(heads, rows) {
  if (!rows.length) return make("p", "Nothing so far.", "note");
  const whole = make("table");
  const head = whole.createTHead().insertRow();
  heads.forEach((text, index) => {
    const cell = make("th", text, index ? "number" : "");
    cell.scope = "col";
    head.append(cell);
  });
  const body = whole.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((value, index) => {
      const cell = make(index ? "td" : "th", value instanceof Node ? undefined : value, index ? "number" : "");
      if (!index) cell.scope = "row";
      if (value instanceof Node) cell.append(value);
      line.append(cell);
    });
  }
  return whole;
}

function counts(heads, byName) {
  const rows = Object.entries(record(byName)).filter(([, value]) => isNumber(value));
  rows.sort((one, other) => other[1] - one[1]);
  return table(heads, rows.map(([name, value]) => [name, number(value)]));
}

function showOverview(stats) {
  const overview = record(stats.overview);
  const latency = record(stats.latency);
  const cache = record(stats.cache);
  const tiles = [
    ["Calls", number(overview.total_requests)],
    ["Errors", number(overview.error_count)],
    ["Error rate", percent(overview.error_rate)],
    ["Latency p50", milliseconds(latency.p50_ms)],
    ["Latency p95", milliseconds(latency.p95_ms)],
    ["Latency p99", milliseconds(latency.p99_ms)],
    ["Cache hit rate", percent(cache.hit_rate)],
    ["Age of hits", isNumber(cache.avg_age_seconds) ? `${number(cache.avg_age_seconds)} s` : "–"],
    ["Active callers", number(overview.active_users)],
    ["Refused by quota", number(overview.rate_limit_hits)],
  ];
  byId("overview").replaceChildren(...tiles.map(([name, value]) => {
    const tile = make("div");
    tile.append(make("dt", name), make("dd", value));
    return tile;
  }));
}

function showChart(id, windows, read, form) {
  const points = windows.map((each) => ({ at: seconds(each.start), value: isNumber(read(each)) ? read(each) : null }));
  const placed = points.filter((point) => Number.isFinite(point.at)).sort((one, other) => one.at - other.at);
  const known = placed.some((point) => point.value !== null);
  byId(id).replaceChildren(known ? chart(placed, form, byId(id).clientWidth || 480) : make("p", "No figures yet.", "note"));
}

function showCharts(stats) {
  const windows = list(stats.series);
  const hits = (each) => (each.cache_hits * 100) / (each.cache_hits + each.cache_misses);
  showChart("chart-requests", windows, (each) => each.total_requests, { kind: "bars", what: "Calls in 5 minutes" });
  showChart("chart-errors", windows, (each) => each.error_count, { kind: "bars", what: "Errors in 5 minutes", className: "errors" });
  showChart("chart-latency", windows, (each) => each.p95_ms, { kind: "line", what: "95th percentile in milliseconds" });
  showChart("chart-hits", windows, hits, { kind: "line", what: "Cache hit rate in percent", top: 100 });
}

function showGauge(id, share, sentence) {
  const known = isNumber(share);
  byId(id).replaceChildren(...(known ? [gauge(share, sentence)] : []), make("p", known ? sentence : "No figures yet.", "note"));
}

function showBudget(stats) {
  const budget = record(stats.budget);
  const left = `${number(budget.tokens_available)} of ${number(budget.capacity)} requests left`;
  showGauge("budget", budget.utilization, `${percent(budget.utilization)} used; ${left}.`);
  const queue = record(stats.queue);
  const share = queue.capacity > 0 ? queue.depth / queue.capacity : undefined;
  showGauge("queue", share, `${number(queue.depth)} of ${number(queue.capacity)} places taken.`);
}

function showPanels(stats) {
  byId("tools").replaceChildren(counts(["Tool", "Calls"], stats.requests_by_tool));
  byId("errors").replaceChildren(counts(["Type", "Errors"], stats.errors_by_type));
  const slowest = list(stats.slowest_calls).map((call) => [String(call.tool || "unknown"), milliseconds(call.duration_ms)]);
  byId("slowest").replaceChildren(table(["Tool", "Took"], slowest));
  const violators = list(stats.top_violators).map((each) => [
    String(each.caller || each.id || "unknown"), number(each.refused ?? each.hits ?? each.count),
  ]);
  byId("violators").replaceChildren(table(["Caller (hashed)", "Refused"], violators));
  showAvailability(record(stats.availability));
}

function showAvailability(availability) {
  const share = (value) => (isNumber(value) ? `${(value * 100).toFixed(2)} %` : "–");
  byId("availability").replaceChildren(table(["Last 30 days", ""], [
    ["Answered without a fault of the server", share(availability.availability)],
    ["Objective", share(availability.objective)],
    ["Error budget left", share(record(availability.error_budget).remaining)],
    ["Burn rate", number(availability.burn_rate)],
  ]));
}

function showBreakers(breakers) {
  const rows = list(breakers).map((each) => {
    const state = make("span", String(each.state || "unknown").replace("_", " "), `state-${each.state}`);
    return [String(each.name || "unknown"), state, number(each.failure_count)];
  });
  byId("breakers").replaceChildren(table(["Upstream", "State", "Failures"], rows));
}

function ask(path) {
  const key = sessionStorage.getItem(KEY);
  return fetch(path, { cache: "no-store", headers: key ? { "X-API-Key": key } : {} });
}

function say(sentence) {
  if (byId("updated").textContent !== sentence) byId("updated").textContent = sentence;
}

function askForKey(status) {
  const refused = sessionStorage.getItem(KEY) !== null;
  const rank = status === 403 ? "That key is not one of the role operator." : "The server does not know that key.";
  byId("sign-in-why").textContent = refused ? rank : "These figures are for the operator.";
  sessionStorage.removeItem(KEY);
  byId("figures").hidden = true;
  byId("sign-in").hidden = false;
  say("A key is needed.");
}

/** Ask for the figures and show them; whether to ask again by itself. */
async function refresh() {
  const answer = await ask("/breakers");
  if (answer.status === 401 || answer.status === 403) {
    askForKey(answer.status);
    return false;
  }
  const found = await ask("/stats");
  const stats = found.ok ? record(await found.json()) : {};
  byId("sign-in").hidden = true;
  byId("figures").hidden = false;
  byId("forget").hidden = sessionStorage.getItem(KEY) === null;
  showOverview(stats);
  showCharts(stats);
  showBudget(stats);
  showPanels(stats);
  if (answer.ok) showBreakers((await answer.json()).breakers);
  say(found.ok ? `Renewed every ${SECONDS} seconds.` : "No figures yet.");
  return found.status !== 404;
}

async function run() {
  let again = true;
  try {
    if (!paused && !document.hidden) again = await refresh();
  } catch {
    say("The server does not answer; trying again.");
  }
  if (again) setTimeout(run, SECONDS * 1000);
}

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, byId("operator-key").value.trim());
  byId("operator-key").value = "";
  run();
});
byId("forget").addEventListener("click", () => {
  sessionStorage.removeItem(KEY);
  location.reload();
});
byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").textContent = paused ? "Go on" : "Pause";
  byId("pause").setAttribute("aria-pressed", String(paused));
});
run();
