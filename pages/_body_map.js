// The body map in the browser: draws what it is given, and tells which mole was opened or where one is to be placed.
// Data: see _body_map.py. Places are shares of the figure; a stage is the window through which one view of it is seen.

const WIDTH = 200, HEIGHT = 460;
const MARGIN = 15;            // px around the figure: a sign at its very edge is seen whole
const TARGET = 44;            // px: nothing to tap is smaller, and no two overlap
const MOST_ZOOM = 8;
const STILL = 8;              // px: a pointer that moved less was a tap
const SVG = "http://www.w3.org/2000/svg";
// Each state has a shape and a sign of its own; colour only repeats them.
const SHAPES = {
  fine: ["M12 2a10 10 0 1 0 .01 0Z", "M7.5 12.5l3 3 6-6.5"],
  due: ["M4 2.5h16a1.5 1.5 0 0 1 1.5 1.5v16a1.5 1.5 0 0 1-1.5 1.5H4A1.5 1.5 0 0 1 2.5 20V4A1.5 1.5 0 0 1 4 2.5Z", "M12 6.5V12l4 3"],
  changed: ["M12 .5 23.5 12 12 23.5.5 12Z", "M12 17V7.5M8 11l4-4 4 4"],
  refer: ["M12 1 23.5 22H.5Z", "M12 9v6M12 18v.6"],
};

export default function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector(".map");
  host.map ??= build(host);
  Object.assign(host.map, { data, setTriggerValue });
  fill(host.map);
  const watcher = new ResizeObserver(() => draw(host.map));
  watcher.observe(host);
  return () => watcher.disconnect();
}

function build(host) {
  const map = { host, view: null, place: null, stages: {} };
  for (const stage of host.querySelectorAll(".stage")) {
    const one = { name: stage.dataset.view, element: stage, zoom: 1, x: WIDTH / 2, y: HEIGHT / 2, pointers: new Map() };
    one.figure = stage.querySelector("svg");
    one.points = stage.querySelector(".points");
    one.crowd = stage.querySelector(".crowd");
    map.stages[one.name] = one;
    listen(map, one);
    for (const [name, factor] of [["nearer", 2], ["farther", 0.5]]) {
      stage.querySelector(`.${name}`).onclick = () => zoomTo(map, one, one.zoom * factor);
    }
  }
  for (const tab of host.querySelectorAll(".tab")) {
    tab.onclick = () => { map.view = tab.dataset.view; draw(map); };
  }
  host.querySelector(".add").onclick = () => {
    const { view, x, y } = map.place;
    map.setTriggerValue("place", { view, x, y });
  };
  return map;
}

function fill(map) {
  const { host, data } = map;
  host.dataset.skin = data.skin;
  host.classList.toggle("still", !data.place_label);
  host.querySelector(".add").textContent = data.place_label ?? "";
  map.view ??= data.first_view;
  if (!data.place_label) map.place = null;
  for (const stage of Object.values(map.stages)) {
    const drawn = data.views[stage.name];
    const clip = `clip-${stage.name}`;
    stage.figure.replaceChildren(
      element("clipPath", { id: clip }, [element("path", { d: drawn.outline })]),
      element("path", { d: drawn.outline, class: "skin" }),
      element("g", { "clip-path": `url(#${clip})` },
        drawn.zones.map(([code, d]) => element("path", { d, class: "zone", "data-zone": code }))),
      element("path", { d: drawn.marks, class: "marks" }),
      element("path", { d: drawn.outline, class: "edge" }),
    );
    const count = data.moles.filter((mole) => mole.view === stage.name).length;
    host.querySelector(`.tab[data-view=${stage.name}]`).textContent = count ? `${data.names[stage.name]} (${count})` : data.names[stage.name];
  }
  draw(map);
}

function draw(map) {
  const { host, data } = map;
  if (!data || !host.isConnected) return;
  const single = host.clientWidth < 560;
  host.classList.toggle("single", single);
  for (const tab of host.querySelectorAll(".tab")) tab.setAttribute("aria-pressed", String(tab.dataset.view === map.view));
  for (const stage of Object.values(map.stages)) {
    stage.element.hidden = single && stage.name !== map.view;
    if (!stage.element.hidden) drawStage(map, stage);
  }
  const chosen = map.place && data.zones[map.place.zone];
  host.querySelector(".add").hidden = !chosen;
  host.querySelector(".say").textContent = chosen ?? (data.place_label ? data.hint : "");
}

function drawStage(map, stage) {
  const { clientWidth: width, clientHeight: height } = stage.element;
  stage.scale = Math.min((width - 2 * MARGIN) / WIDTH, (height - 2 * MARGIN) / HEIGHT) * stage.zoom;
  const seen = { width: width / stage.scale, height: height / stage.scale }, margin = MARGIN / stage.scale;
  stage.x = within(stage.x, seen.width / 2 - margin, WIDTH + margin - seen.width / 2);
  stage.y = within(stage.y, seen.height / 2 - margin, HEIGHT + margin - seen.height / 2);
  stage.left = stage.x - seen.width / 2;
  stage.top = stage.y - seen.height / 2;
  stage.figure.setAttribute("viewBox", `${stage.left} ${stage.top} ${seen.width} ${seen.height}`);
  stage.element.classList.toggle("zoomed", stage.zoom > 1);
  stage.element.querySelector(".farther").disabled = stage.zoom <= 1;
  stage.element.querySelector(".nearer").disabled = stage.zoom >= MOST_ZOOM;

  const shown = map.data.moles.filter((mole) => mole.view === stage.name).map((mole) => ({ ...mole, ...onScreen(stage, mole) }));
  const parts = groups(shown).map((group) => (group.moles.length > 1 ? bubble(map, stage, group) : point(map, group.moles[0])));
  for (const pin of [map.data.pin, map.place]) {
    if (pin?.view === stage.name) parts.push(at(tag("div", pin === map.place ? "pin new" : "pin"), onScreen(stage, pin)));
  }
  stage.points.replaceChildren(...parts);
  if (map.crowdOf !== stage.name) stage.crowd.hidden = true;
}

// The most urgent first: what lies too close to one before it joins that one.
function groups(moles) {
  const found = [];
  for (const mole of moles) {
    const near = found.find((group) => Math.max(Math.abs(group.left - mole.left), Math.abs(group.top - mole.top)) < TARGET);
    if (near) near.moles.push(mole);
    else found.push({ left: mole.left, top: mole.top, moles: [mole] });
  }
  return found;
}

function point(map, mole) {
  const button = at(tag("button", `point ${mole.state}`), mole);
  button.type = "button";
  button.tabIndex = -1;  // the page's list is the keyboard's way
  button.title = mole.label;
  button.setAttribute("aria-label", mole.label);
  button.append(sign(mole.state));
  button.onclick = () => map.setTriggerValue("open", mole.id);
  return button;
}

function bubble(map, stage, group) {
  const button = at(tag("button", `point group ${group.moles[0].state}`), group);
  const label = `${group.moles.length} moles close together: show them`;
  button.type = "button";
  button.tabIndex = -1;
  button.title = label;
  button.setAttribute("aria-label", label);
  button.append(sign(group.moles[0].state), Object.assign(tag("span", "count"), { textContent: group.moles.length }));
  button.onclick = () => open(map, stage, group);
  return button;
}

// Nearer, where that parts them; else by name.
function open(map, stage, group) {
  const side = (axis) => Math.max(...group.moles.map((mole) => mole[axis])) - Math.min(...group.moles.map((mole) => mole[axis]));
  const needed = (1.3 * TARGET) / Math.max(side("left"), side("top"), 0.01);
  if (stage.zoom * needed <= MOST_ZOOM && stage.zoom < MOST_ZOOM) {
    const middle = (axis) => group.moles.reduce((sum, mole) => sum + mole[axis], 0) / group.moles.length;
    [stage.x, stage.y] = [middle("x") * WIDTH, middle("y") * HEIGHT];
    zoomTo(map, stage, stage.zoom * Math.max(2, needed));
    return;
  }
  const rows = group.moles.map((mole) => {
    const row = tag("button", `row ${mole.state}`);
    row.type = "button";
    row.append(sign(mole.state), Object.assign(tag("span"), { textContent: mole.label }));
    row.onclick = () => map.setTriggerValue("open", mole.id);
    return row;
  });
  const close = Object.assign(tag("button", "row"), { type: "button", textContent: "Close" });
  close.onclick = () => { map.crowdOf = null; stage.crowd.hidden = true; };
  stage.crowd.replaceChildren(...rows, close);
  stage.crowd.hidden = false;
  map.crowdOf = stage.name;
  rows[0].focus({ preventScroll: true });
}

function zoomTo(map, stage, zoom) {
  stage.zoom = within(zoom, 1, MOST_ZOOM);
  map.crowdOf = null;
  drawStage(map, stage);
}

// One finger taps, and moves what is shown nearer; two bring it nearer.
function listen(map, stage) {
  const { element: area, pointers } = stage;
  area.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button, .crowd")) return;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    stage.moved = pointers.size > 1;
    stage.from = { x: event.clientX, y: event.clientY };
  });
  area.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const apart = spread(pointers);
    if (pointers.size === 1 && Math.hypot(event.clientX - stage.from.x, event.clientY - stage.from.y) > STILL) stage.moved = true;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (!stage.moved) return;
    if (stage.zoom > 1) {
      stage.x -= (event.clientX - before.x) / stage.scale / pointers.size;
      stage.y -= (event.clientY - before.y) / stage.scale / pointers.size;
    }
    zoomTo(map, stage, pointers.size === 2 && apart ? (stage.zoom * spread(pointers)) / apart : stage.zoom);
  });
  area.addEventListener("pointerup", (event) => {
    if (pointers.delete(event.pointerId) && !stage.moved && map.data.place_label) choose(map, stage, event);
  });
  for (const end of ["pointercancel", "pointerleave"]) area.addEventListener(end, (event) => pointers.delete(event.pointerId));
}

function spread(pointers) {
  const [one, other] = [...pointers.values()];
  return other ? Math.hypot(one.x - other.x, one.y - other.y) : 0;
}

// The zone under the finger, or the nearest one a finger's width around it.
function choose(map, stage, event) {
  const root = stage.element.getRootNode();
  const box = stage.element.getBoundingClientRect();
  for (const radius of [0, 6, 12, 18]) {
    for (let turn = 0; turn < (radius ? 12 : 1); turn++) {
      const x = event.clientX + radius * Math.cos((turn * Math.PI) / 6);
      const y = event.clientY + radius * Math.sin((turn * Math.PI) / 6);
      const zone = root.elementsFromPoint(x, y).find((found) => found.dataset?.zone)?.dataset.zone;
      if (zone) {
        const place = { x: (stage.left + (x - box.left) / stage.scale) / WIDTH, y: (stage.top + (y - box.top) / stage.scale) / HEIGHT };
        map.place = { view: stage.name, zone, ...place };
        draw(map);
        return;
      }
    }
  }
}

function onScreen(stage, { x, y }) {
  return { left: (x * WIDTH - stage.left) * stage.scale, top: (y * HEIGHT - stage.top) * stage.scale };
}

function at(made, { left, top }) {
  made.style.left = `${left}px`;
  made.style.top = `${top}px`;
  return made;
}

function sign(state) {
  const [shape, mark] = SHAPES[state];
  return element("svg", { viewBox: "-2 -2 28 28", "aria-hidden": "true" }, [
    element("path", { d: shape, class: "shape" }), element("path", { d: mark, class: "mark" }),
  ]);
}

function element(name, attributes, children = []) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function tag(name, className = "") {
  return Object.assign(document.createElement(name), { className });
}

function within(value, low, high) {
  return low > high ? (low + high) / 2 : Math.min(Math.max(value, low), high);
}
