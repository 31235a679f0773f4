// Keep the operator's page up to date: fetch the facts it was rendered from, and insert
// them. The server makes all texts; nothing is computed here.

const BETWEEN_MS = 2000; // figures of seconds; a request costs the proxy a millisecond
const WITHIN_MS = 10000;

const live = document.getElementById("live");
const button = document.createElement("button");
let isOn = true;
let timer = 0;

function put(attribute, key, text) {
  const element = document.querySelector(`[data-${attribute}="${key}"]`);
  if (element !== null && element.textContent !== text) element.textContent = text;
}

function cell(text, { kind = "", code = false, pill = "" } = {}) {
  const td = document.createElement("td");
  if (kind) td.className = kind;
  if (!code && !pill) {
    td.textContent = text;
    return td;
  }
  const inner = document.createElement(code ? "code" : "span");
  if (pill) inner.className = `pill ${pill}`;
  inner.textContent = text;
  td.append(inner);
  return td;
}

function drawn(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function matchCell(decision) {
  const td = cell(decision.match);
  if (!decision.outline) return td;
  const svg = drawn("svg", {
    class: "outline",
    viewBox: "-50 -50 200 200",
    role: "img",
    "aria-label": "Where the original lies in the upload",
  });
  svg.append(
    drawn("path", { class: "upload", d: "M0 0H100V100H0Z" }),
    drawn("path", { class: "original", d: decision.outline }),
  );
  td.append(" ", svg);
  return td;
}

function row(decision) {
  const tr = document.createElement("tr");
  tr.dataset.id = decision.id;
  tr.append(
    cell(decision.time),
    cell(decision.verdict, { pill: decision.verdict.toLowerCase() }),
    cell(decision.action),
    cell(decision.would),
    cell(decision.effect),
    cell(decision.why),
    matchCell(decision),
    cell(decision.kinds),
    cell(decision.route),
    cell(decision.duration, { kind: "number" }),
    cell(decision.client, { code: true }),
    cell(decision.id, { code: true }),
  );
  return tr;
}

function putDecisions(decisions) {
  const rows = document.getElementById("rows");
  const newest = rows.firstElementChild?.dataset.id;
  if (decisions[0]?.id === newest) return;
  rows.replaceChildren(...decisions.map(row));
  document.getElementById("none").hidden = decisions.length > 0;
}

// Mark tables that continue to the right: otherwise nobody would notice.
function measure() {
  for (const area of document.querySelectorAll(".scroll")) {
    area.classList.toggle("wide", area.scrollWidth > area.clientWidth);
  }
}

function putChart(chart) {
  put("top", chart.key, chart.top);
  for (const line of chart.lines) {
    document.querySelector(`[data-line="${line.key}"]`)?.setAttribute("d", line.path);
    put("last", line.key, line.last);
  }
}

// More than figures has changed: insert the page as the server renders it now. A reload
// would lose the reader's place, and would show nothing if the proxy ends meanwhile.
async function takePage() {
  const text = await (await get(`./${location.search}`)).text();
  const page = new DOMParser().parseFromString(text, "text/html");
  document.querySelector("main").replaceWith(page.querySelector("main"));
  document.body.dataset.shape = page.body.dataset.shape;
  document.title = page.title;
}

function show(facts) {
  for (const key of ["at", "up", "generation"]) put("value", key, facts[key]);
  for (const tile of facts.tiles) {
    put("value", tile.key, tile.value);
    put("note", tile.key, tile.note);
  }
  for (const preset of facts.presets) {
    for (const column of ["accepted", "rejected", "later", "why"]) {
      put(column, preset.key, preset[column]);
    }
  }
  for (const set of facts.signed) {
    put("verified", set.name, set.verified);
    put("canary", set.name, set.canary);
  }
  facts.charts.forEach(putChart);
  putDecisions(facts.decisions);
  measure();
}

function say(text, isLost) {
  let note = live.querySelector("span");
  if (note === null) {
    note = document.createElement("span");
    live.prepend(note, " ");
  }
  note.className = isLost ? "lost" : "";
  if (note.textContent !== text) note.textContent = text;
}

async function get(path) {
  const signal = AbortSignal.timeout(WITHIN_MS);
  const answer = await fetch(path, { cache: "no-store", signal });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer;
}

async function update() {
  try {
    const facts = await (await get(`facts.json${location.search}`)).json();
    if (facts.shape !== document.body.dataset.shape) await takePage();
    show(facts);
    say("", false);
  } catch {
    say("The proxy does not answer.", true);
  }
}

async function tick() {
  if (!document.hidden) await update();
  if (isOn) timer = setTimeout(tick, BETWEEN_MS);
}

function turn(on) {
  isOn = on;
  button.setAttribute("aria-pressed", String(on));
  button.textContent = on ? "Live" : "Paused";
  clearTimeout(timer);
  if (on) tick();
}

button.type = "button";
button.title = "Turn updates on or off";
button.addEventListener("click", () => turn(!isOn));
live.replaceChildren(button);
document.documentElement.classList.add("scripted");
addEventListener("resize", measure);
measure();
turn(true);
