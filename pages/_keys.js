// Keys that lead to a place of the page: a key presses a choice that is not made yet, if the place has one, and moves the focus.
const TYPED = ["text", "search", "email", "number", "date", "password", "tel", "url"];
const pages = new WeakMap();

export default function ({ data, parentElement }) {
  // Streamlit calls this at every run of the page: what listened before stops, the places may have moved.
  pages.get(parentElement)?.abort();
  const listening = new AbortController();
  pages.set(parentElement, listening);
  document.addEventListener("keydown", (event) => {
    // Lists and radio buttons keep Ctrl+Enter for themselves, so Streamlit's own shortcut does not hear it there.
    const deaf = (event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.closest?.("[role=radiogroup], [role=combobox]");
    if (!deaf || event.repeat) return;
    event.preventDefault();
    event.stopPropagation();
    document.querySelector(data.sign)?.click();
  }, { signal: listening.signal, capture: true });
  document.addEventListener("keydown", (event) => {
    if (!parentElement.isConnected) return listening.abort();
    const place = data.places[event.key.toLowerCase()];
    if (!place || event.repeat || event.ctrlKey || event.altKey || event.metaKey || types(event.composedPath()[0])) return;
    event.preventDefault();
    const choice = place.press && document.querySelector(place.press);
    if (choice && !choice.checked) choice.click();
    document.querySelector(place.focus)?.focus();
  }, { signal: listening.signal });
  const mark = () => {
    for (const [key, place] of Object.entries(data.places)) document.querySelector(place.press ?? place.focus)?.setAttribute("aria-keyshortcuts", key);
  };
  mark();
  // A place may be drawn after this, or anew.
  const drawn = new MutationObserver(mark);
  drawn.observe(document.body, { childList: true, subtree: true });
  listening.signal.addEventListener("abort", () => drawn.disconnect());
  return () => listening.abort();
}

function types(element) {
  return element.isContentEditable || element.tagName === "TEXTAREA" || element.getAttribute?.("role") === "spinbutton"
    || (element.tagName === "INPUT" && TYPED.includes(element.type));
}
