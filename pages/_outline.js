// Draws an outline on a photo: brush, eraser and polygon with mouse, pen, finger or keyboard. Hands over a black and white PNG.
const HINT = "Keys: arrows move the pen (Shift: finely), Space lowers and lifts it, B brush, E eraser, P polygon (Space sets a corner, "
  + "Enter closes), Ctrl+Z undo, + and − zoom. Two fingers zoom and move.";
const MOST_UNDONE = 20;
const editors = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  // Streamlit calls this at every run of the page; what is being drawn stays.
  const known = editors.get(parentElement);
  if (known && known.id === data.id) { known.give = setTriggerValue; return; }
  editors.set(parentElement, start(data, parentElement, setTriggerValue));
}

function start(data, root, setTriggerValue) {
  const find = (selector) => root.querySelector(selector);
  const view = find(".view"), sheet = find(".sheet"), photo = find("img"), shown = find(".shown"), said = find(".said");
  const mask = document.createElement("canvas");
  const editor = { id: data.id, give: setTriggerValue };
  let tool = "brush", zoom = 1, left = 0, top = 0, undone = [], corners = [], pen = null, down = false, stroke = null;
  const fingers = new Map();

  const width = () => Number(find("input[name=width]").value);
  const ink = () => mask.getContext("2d", { willReadFrequently: true });

  function say(text) { said.textContent = text || HINT; }

  function keep() {
    undone.push(ink().getImageData(0, 0, mask.width, mask.height).data.filter((_, index) => index % 4 === 3));
    if (undone.length > MOST_UNDONE) undone.shift();
  }

  function undo() {
    if (corners.length) { corners.pop(); return draw(); }
    const before = undone.pop();
    if (!before) return;
    const pixels = ink().createImageData(mask.width, mask.height);
    for (let index = 0; index < before.length; index++) pixels.data.fill(before[index] > 127 ? 255 : 0, 4 * index, 4 * index + 4);
    ink().putImageData(pixels, 0, 0);
    draw();
  }

  function load(address) {
    ink().clearRect(0, 0, mask.width, mask.height);
    if (!address) return draw();
    const picture = new Image();
    picture.onload = () => {
      const other = document.createElement("canvas");
      other.width = mask.width; other.height = mask.height;
      const brush = other.getContext("2d");
      brush.drawImage(picture, 0, 0, mask.width, mask.height);
      const pixels = brush.getImageData(0, 0, mask.width, mask.height);
      for (let index = 0; index < pixels.data.length; index += 4) pixels.data.fill(pixels.data[index] > 127 ? 255 : 0, index, index + 4);
      ink().putImageData(pixels, 0, 0);
      draw();
    };
    picture.src = address;
  }

  // The light fill with a thin bright edge that the pages show too.
  function draw() {
    const brush = shown.getContext("2d"), thin = Math.max(1, Math.round(mask.width / 500));
    brush.globalCompositeOperation = "source-over";
    brush.clearRect(0, 0, shown.width, shown.height);
    for (const [x, y] of [[-1, 0], [1, 0], [0, -1], [0, 1], [-1, -1], [1, 1], [-1, 1], [1, -1]]) brush.drawImage(mask, x * thin, y * thin);
    brush.globalCompositeOperation = "destination-out";
    brush.drawImage(mask, 0, 0);
    brush.globalCompositeOperation = "source-over";
    brush.globalAlpha = 0.2; brush.drawImage(mask, 0, 0); brush.globalAlpha = 1;
    brush.globalCompositeOperation = "source-in";
    brush.fillStyle = "rgb(255,32,32)"; brush.fillRect(0, 0, shown.width, shown.height);
    brush.globalCompositeOperation = "source-over";
    brush.lineWidth = 2 * thin; brush.strokeStyle = brush.fillStyle = "rgb(255,220,0)";
    if (corners.length) {
      brush.beginPath();
      corners.forEach(([x, y]) => brush.lineTo(x, y));
      if (pen) brush.lineTo(...pen);
      brush.stroke();
      corners.forEach(([x, y]) => brush.fillRect(x - 3 * thin, y - 3 * thin, 6 * thin, 6 * thin));
    }
    if (pen && tool !== "move") {
      brush.beginPath();
      brush.arc(...pen, tool === "polygon" ? 4 * thin : width() / 2, 0, 2 * Math.PI);
      brush.stroke();
    }
  }

  function line(from, to) {
    const brush = ink();
    brush.globalCompositeOperation = tool === "eraser" ? "destination-out" : "source-over";
    brush.strokeStyle = "#fff"; brush.lineWidth = width(); brush.lineCap = brush.lineJoin = "round";
    brush.beginPath(); brush.moveTo(...from); brush.lineTo(to[0] + 0.01, to[1]); brush.stroke();
    brush.globalCompositeOperation = "source-over";
  }

  function close() {
    if (corners.length > 2) {
      keep();
      const brush = ink();
      brush.fillStyle = "#fff"; brush.beginPath();
      corners.forEach(([x, y]) => brush.lineTo(x, y));
      brush.fill();
    }
    corners = []; draw();
  }

  function corner(point) {
    const first = corners[0];
    if (first && corners.length > 2 && Math.hypot(point[0] - first[0], point[1] - first[1]) < mask.width / 60) return close();
    corners.push(point); draw();
  }

  function place() {
    const box = view.getBoundingClientRect();
    left = Math.min(0, Math.max(box.width * (1 - zoom), left));
    top = Math.min(0, Math.max(box.height * (1 - zoom), top));
    sheet.style.transform = `translate(${left}px, ${top}px) scale(${zoom})`;
  }

  function zoomTo(factor, x, y) {
    const next = Math.min(8, Math.max(1, zoom * factor));
    left = x - (x - left) * next / zoom; top = y - (y - top) * next / zoom; zoom = next;
    place();
  }

  function at(event) {
    const box = view.getBoundingClientRect();
    return [(event.clientX - box.left - left) / zoom / box.width * mask.width, (event.clientY - box.top - top) / zoom / box.height * mask.height];
  }

  function choose(next) {
    tool = next; down = false;
    if (tool !== "polygon") corners = [];
    root.querySelectorAll("[data-tool]").forEach((button) => button.setAttribute("aria-pressed", button.dataset.tool === tool));
    view.style.cursor = tool === "move" ? "grab" : "crosshair";
    draw();
  }

  view.onpointerdown = (event) => {
    view.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (fingers.size === 2 && stroke) { stroke = null; undo(); }
    if (fingers.size > 1 || tool === "move" || event.button > 0) return;
    pen = at(event);
    if (tool === "polygon") return corner(pen);
    keep(); line(pen, pen); stroke = pen; draw();
  };
  view.onpointermove = (event) => {
    const before = fingers.get(event.pointerId), now = [event.clientX, event.clientY];
    if (before && (fingers.size === 2 || tool === "move")) {
      const others = [...fingers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      if (others.length) {
        const box = view.getBoundingClientRect(), far = (point) => Math.hypot(point[0] - others[0][0], point[1] - others[0][1]) || 1;
        zoomTo(far(now) / far(before), (now[0] + others[0][0]) / 2 - box.left, (now[1] + others[0][1]) / 2 - box.top);
      }
      left += (now[0] - before[0]) / fingers.size; top += (now[1] - before[1]) / fingers.size;
      place();
    } else {
      pen = at(event);
      if (stroke) { line(stroke, pen); stroke = pen; }
      draw();
    }
    if (before) fingers.set(event.pointerId, now);
  };
  view.onpointerup = view.onpointercancel = (event) => { fingers.delete(event.pointerId); stroke = null; };
  view.onpointerleave = (event) => { if (!stroke && event.pointerType === "mouse") { pen = null; draw(); } };
  view.ondblclick = () => { if (tool === "polygon") close(); };
  view.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // the wheel alone scrolls the page
    event.preventDefault();
    const box = view.getBoundingClientRect();
    zoomTo(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });

  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  view.onkeydown = (event) => {
    const step = event.shiftKey ? 2 : Math.max(4, Math.round(mask.width / 64));
    const key = event.key.toLowerCase();
    if (event.key in MOVES) {
      const from = pen || [mask.width / 2, mask.height / 2], [x, y] = MOVES[event.key];
      pen = [Math.min(mask.width, Math.max(0, from[0] + x * step)), Math.min(mask.height, Math.max(0, from[1] + y * step))];
      if (down) line(from, pen);
      draw();
    } else if (event.key === " ") {
      pen = pen || [mask.width / 2, mask.height / 2];
      if (tool === "polygon") corner(pen);
      else if (tool !== "move") { down = !down; if (down) { keep(); line(pen, pen); } draw(); say(down ? "The pen is down." : ""); }
    } else if (event.key === "Enter" && tool === "polygon") close();
    else if (event.key === "Escape") { corners = []; down = false; say(""); draw(); }
    else if ((event.ctrlKey || event.metaKey) && key === "z") undo();
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if ("bepm".includes(key) && key.length === 1) choose({ b: "brush", e: "eraser", p: "polygon", m: "move" }[key]);
    else if (key === "+" || key === "=") zoomTo(1.5, view.clientWidth / 2, view.clientHeight / 2);
    else if (key === "-") zoomTo(1 / 1.5, view.clientWidth / 2, view.clientHeight / 2);
    else return;
    event.preventDefault(); event.stopPropagation();
  };
  // The page's own keys are single letters and digits too; those with Ctrl or Alt go on to it.
  root.addEventListener("keydown", (event) => { if (!event.ctrlKey && !event.altKey && !event.metaKey) event.stopPropagation(); });

  const deeds = {
    undo,
    clear: () => { keep(); corners = []; ink().clearRect(0, 0, mask.width, mask.height); draw(); },
    reset: () => { keep(); corners = []; load(data.mask); },
    closer: () => zoomTo(1.5, view.clientWidth / 2, view.clientHeight / 2),
    wider: () => zoomTo(1 / 1.5, view.clientWidth / 2, view.clientHeight / 2),
    use: () => {
      close();
      const flat = document.createElement("canvas");
      flat.width = mask.width; flat.height = mask.height;
      const brush = flat.getContext("2d");
      brush.fillStyle = "#000"; brush.fillRect(0, 0, flat.width, flat.height);
      brush.drawImage(mask, 0, 0);
      editor.give("outline", flat.toDataURL("image/png").split(",")[1]);
      // The page's keys sign it: they act while nothing here has the focus.
      find("[data-do=use]").blur();
    },
  };
  root.querySelectorAll("[data-tool]").forEach((button) => { button.onclick = () => choose(button.dataset.tool); });
  root.querySelectorAll("[data-do]").forEach((button) => { button.onclick = () => deeds[button.dataset.do](); });

  photo.onload = () => {
    for (const canvas of [mask, shown]) { canvas.width = photo.naturalWidth; canvas.height = photo.naturalHeight; }
    view.style.aspectRatio = `${photo.naturalWidth} / ${photo.naturalHeight}`;
    // Too high for the window: as wide as the height allows, so that the photo keeps its form.
    view.style.maxWidth = `calc(80vh * ${photo.naturalWidth / photo.naturalHeight})`;
    load(data.mask);
  };
  photo.src = data.photo;
  say("");
  view.focus({ preventScroll: true }); // whoever asked for the editor draws next
  return editor;
}
