// The photo of the visit that one points at in the plots of the page: mouse, finger, and arrow keys on a plot in focus.
// Data: visits ({id, day, address, words}, by date; no address where there is no photo). Tells which visit Enter or a finger opened.

const PLOT = "[data-testid=stPlotlyChart] .js-plotly-plot";
const NEAR = 36;  // px: as far from a visit as a finger may be

export default function ({ data, parentElement, setTriggerValue }) {
  const card = parentElement.querySelector(".card"), image = card.querySelector("img"), said = card.querySelector("p");
  const button = card.querySelector("button");
  const { visits } = data;
  let at = null;

  const places = (plot) => {
    const { xaxis } = plot._fullLayout ?? {};
    const left = plot.getBoundingClientRect().left;
    return xaxis ? visits.map((visit) => left + xaxis._offset + xaxis.d2p(visit.day)) : [];
  };
  const show = (number, x, y, words, touched = false) => {
    at = number;
    card.classList.toggle("touched", touched);
    button.hidden = !touched;
    document.querySelectorAll(`${PLOT} .hoverlayer`).forEach((layer) => { layer.style.display = touched ? "none" : ""; });
    const visit = visits[number];
    if (!visit.address && !words) return hide();
    image.hidden = !visit.address;
    if (visit.address && image.getAttribute("src") !== visit.address) image.src = visit.address;
    said.textContent = visit.words;
    said.classList.toggle("unseen", !words);
    card.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = card;
    card.style.left = `${Math.max(8, Math.min(window.innerWidth - width - 8, x - width / 2))}px`;
    // Clear of Plotly's own words beside the point, and of the finger.
    card.style.top = `${y + 56 + height < window.innerHeight ? y + 56 : Math.max(8, y - 56 - height)}px`;
  };
  const hide = () => { card.hidden = true; at = null; };

  const point = (event) => {
    if (event.composedPath().includes(card)) return;
    const plot = event.target.closest?.(PLOT);
    if (!plot) return hide();
    const away = places(plot).map((x) => Math.abs(x - event.clientX));
    const nearest = away.indexOf(Math.min(...away));
    if (nearest < 0 || away[nearest] > NEAR) return hide();
    const touched = event.pointerType === "touch";
    show(nearest, event.clientX, event.clientY, touched, touched);
  };
  button.onclick = () => setTriggerValue("open", visits[at].id);
  const step = (event) => {
    const plot = event.target.closest?.(PLOT);
    if (!plot || event.target !== plot) return;
    if (event.key === "Escape") return hide();
    if (event.key === "Enter" && at !== null) return setTriggerValue("open", visits[at].id);
    const last = visits.length - 1;
    const next = { ArrowRight: Math.min(last, (at ?? -1) + 1), ArrowLeft: Math.max(0, (at ?? last + 1) - 1), Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    show(next, places(plot)[next], plot.getBoundingClientRect().top, true);
  };
  const leave = (event) => { if (event.target.matches?.(PLOT)) hide(); };
  // Plots come and are drawn anew as they like.
  const ready = () => document.querySelectorAll(PLOT).forEach((plot) => {
    if (plot.tabIndex === 0) return;
    plot.tabIndex = 0;
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-label", "Plot over the visits: arrow keys show each visit's photo and numbers, Enter opens it.");
  });

  const heard = { pointermove: point, pointerdown: point, keydown: step, focusout: leave, scroll: hide };
  for (const [name, listener] of Object.entries(heard)) document.addEventListener(name, listener, true);
  const clock = setInterval(ready, 500);
  ready();
  return () => {
    clearInterval(clock);
    for (const [name, listener] of Object.entries(heard)) document.removeEventListener(name, listener, true);
  };
}
