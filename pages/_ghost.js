// The outline of the last photo's mole as a ghost over the live camera picture of the page, where there is one.
// Data: ratio (width by height of the last photo), path (in a box of 100 x 100). Without a camera on the page nothing is drawn.

const SVG = "http://www.w3.org/2000/svg";

export default function ({ data }) {
  let ghost = null;
  const follow = () => {
    const video = document.querySelector("[data-testid=stCameraInput] video");
    const holder = video?.parentElement;
    if (!holder) {
      ghost?.remove();
      ghost = null;
      return;
    }
    if (ghost?.parentElement !== holder) {
      ghost?.remove();
      ghost = drawn(data);
      if (getComputedStyle(holder).position === "static") holder.style.position = "relative";
      holder.append(ghost);
    }
    // As large as the last photo would be, were it shown whole in the middle of the picture.
    const { offsetLeft, offsetTop, offsetWidth: width, offsetHeight: height } = video;
    const across = Math.min(width, height * data.ratio), down = across / data.ratio;
    Object.assign(ghost.style, {
      left: `${offsetLeft + (width - across) / 2}px`, top: `${offsetTop + (height - down) / 2}px`, width: `${across}px`, height: `${down}px`,
    });
  };
  const clock = setInterval(follow, 250);
  follow();
  return () => {
    clearInterval(clock);
    ghost?.remove();
  };
}

function drawn({ path }) {
  const ghost = document.createElementNS(SVG, "svg");
  ghost.setAttribute("viewBox", "0 0 100 100");
  ghost.setAttribute("preserveAspectRatio", "none");
  ghost.setAttribute("aria-hidden", "true");
  ghost.classList.add("moletrail-ghost");
  Object.assign(ghost.style, { position: "absolute", pointerEvents: "none", zIndex: "1" });
  for (const [colour, width] of [["#000", 5], ["#fff", 2.5]]) {
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", path);
    line.setAttribute("vector-effect", "non-scaling-stroke");
    Object.assign(line.style, { fill: "none", stroke: colour, strokeWidth: `${width}px`, strokeDasharray: "9 6", opacity: "0.85" });
    ghost.append(line);
  }
  return ghost;
}
