const MAGNIFIED = 3;
export default function ({ data, parentElement, setStateValue }) {
  const find = (name) => parentElement.querySelector(name);
  const [frame, image, line, lens] = ["div.frame", "img", "line", ".lens"].map(find);
  const knobs = [...parentElement.querySelectorAll(".point")];
  if (image.getAttribute("src") !== data.address) image.src = data.address;
  image.alt = data.alt;
  // What comes back from the server may be older than what a quick hand did since: the points stay as they are here.
  const kept = parentElement.kept?.address === data.address ? parentElement.kept : null;
  const { points } = parentElement.kept = kept ?? { address: data.address, points: data.points.map((point) => [...point]) };
  let held = null;

  const draw = () => {
    points.forEach(([x, y], number) => {
      knobs[number].style.left = `${100 * x}%`;
      knobs[number].style.top = `${100 * y}%`;
      knobs[number].setAttribute("aria-label", `Point ${number + 1}: ${Math.round(100 * x)} % from the left, ` +
        `${Math.round(100 * y)} % from the top. Arrow keys move it.`);
      line.setAttribute(`x${number + 1}`, x);
      line.setAttribute(`y${number + 1}`, y);
    });
  };
  const magnify = ([x, y]) => {
    const side = lens.width / MAGNIFIED * image.naturalWidth / frame.clientWidth;
    const pen = lens.getContext("2d");
    pen.fillRect(0, 0, lens.width, lens.height);
    pen.drawImage(image, x * image.naturalWidth - side / 2, y * image.naturalHeight - side / 2, side, side, 0, 0, lens.width, lens.height);
    pen.strokeStyle = "#fff";
    pen.beginPath();
    pen.moveTo(66, 54); pen.lineTo(66, 78); pen.moveTo(54, 66); pen.lineTo(78, 66);
    pen.stroke();
    // On the side where the finger is not.
    lens.style.left = x < 0.5 ? "auto" : "8px";
    lens.style.right = x < 0.5 ? "8px" : "auto";
    lens.hidden = false;
  };
  const set = (number, x, y) => {
    points[number] = [x, y].map((share) => Math.min(1, Math.max(0, share)));
    draw();
    magnify(points[number]);
  };
  const tell = () => { lens.hidden = true; setStateValue("points", points); };
  const at = (event) => {
    const box = frame.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };

  frame.onpointerdown = (event) => {
    const [x, y] = at(event), ratio = frame.clientHeight / frame.clientWidth;
    const far = points.map((point) => Math.hypot(point[0] - x, (point[1] - y) * ratio));
    held = far[0] <= far[1] ? 0 : 1;
    frame.setPointerCapture(event.pointerId);
    set(held, x, y);
    knobs[held].focus({ preventScroll: true });
    event.preventDefault();
  };
  frame.onpointermove = (event) => { if (held !== null) set(held, ...at(event)); };
  frame.onpointerup = frame.onpointercancel = () => { if (held !== null) { held = null; tell(); } };
  knobs.forEach((knob, number) => {
    knob.onkeydown = (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const pixels = event.shiftKey ? 10 : 1;
      set(number, points[number][0] + step[0] * pixels / frame.clientWidth, points[number][1] + step[1] * pixels / frame.clientHeight);
    };
    // One message when the key is let go, not one a pixel.
    knob.onkeyup = (event) => { if (event.key.startsWith("Arrow")) tell(); };
  });
  draw();
}
