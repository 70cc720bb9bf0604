export default function ({ data, parentElement }) {
  const root = parentElement, find = (name) => root.querySelector(name);
  const [frame, first, second, edge] = [".frame", ".first", ".second", ".edge"].map(find);
  const [swipe, blink, play, turn] = [".swipe", ".blink", ".play", ".turn"].map(find);
  const place = swipe.querySelector("input"), speed = blink.querySelector("input");
  const tags = [find(".first-tag"), find(".second-tag")];
  const swiping = data.mode === "swipe";
  frame.parentElement.classList?.toggle("swiping", swiping);
  frame.style.cursor = swiping ? "ew-resize" : "";
  [[first, data.first], [second, data.second]].forEach(([image, photo]) => {
    if (image.getAttribute("src") !== photo.address) image.src = photo.address;
    image.alt = photo.alt;
  });
  tags.forEach((tag, number) => { tag.textContent = [data.first, data.second][number].date; });
  const waiting = find(".waiting");
  const loaded = () => { waiting.hidden = first.complete && second.complete; };
  first.onload = second.onload = loaded;
  first.onerror = second.onerror = () => { waiting.hidden = false; waiting.textContent = "The photos could not be fetched. Please open the page again."; };
  loaded();

  swipe.hidden = edge.hidden = !swiping;
  blink.hidden = swiping;
  swipe.querySelector("span").textContent = "Pull the line";
  place.setAttribute("aria-label", `How much of the photo of ${data.first.date} shows, in percent`);

  const divide = () => {
    first.style.clipPath = `inset(0 ${100 - place.value}% 0 0)`;
    edge.style.left = `${place.value}%`;
    tags[0].style.visibility = place.value > 12 ? "" : "hidden";
    tags[1].style.visibility = place.value < 88 ? "" : "hidden";
  };
  const pull = (event) => {
    const box = frame.getBoundingClientRect();
    place.value = Math.round(100 * (event.clientX - box.left) / box.width);
    divide();
  };

  let timer = null, shows = 1;
  const show = (number) => {
    shows = number;
    first.style.clipPath = "";
    first.style.visibility = shows === 0 ? "" : "hidden";
    tags.forEach((tag, which) => { tag.style.visibility = which === shows ? "" : "hidden"; });
    turn.textContent = shows === 0 ? "Show the later" : "Show the earlier";
  };
  const stop = () => { clearInterval(timer); timer = null; play.textContent = "Blink"; };
  // At most 2.5 changes a second: below the 3 flashes a second of WCAG 2.3.1.
  const start = () => { stop(); timer = setInterval(() => show(1 - shows), 2200 - 180 * speed.value); play.textContent = "Pause"; };

  frame.onpointerdown = frame.onpointermove = null;
  first.style.visibility = "";
  if (swiping) {
    tags.forEach((tag) => { tag.style.visibility = ""; });
    place.oninput = divide;
    frame.onpointerdown = (event) => { frame.setPointerCapture(event.pointerId); pull(event); };
    frame.onpointermove = (event) => { if (event.buttons || event.pointerType === "touch") pull(event); };
    divide();
  } else {
    play.onclick = () => (timer ? stop() : start());
    turn.onclick = () => { stop(); show(1 - shows); };
    speed.oninput = () => { if (timer) start(); };
    frame.onpointerdown = () => turn.onclick();
    blink.onkeydown = (event) => {
      if (event.target === speed || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      stop();
      show(event.key === "ArrowLeft" ? 0 : 1);
    };
    show(0);
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) stop(); else start();
  }
  return () => clearInterval(timer);
}
