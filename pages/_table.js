// Data: label, columns (words), rows (a list of cells each). Roles are said outright: drawn as cards, browsers forget them.

export default function ({ data, parentElement }) {
  const table = parentElement.querySelector("table");
  table.setAttribute("aria-label", data.label);
  const head = made("thead", "rowgroup", [made("tr", "row", data.columns.map((words) => made("th", "columnheader", [words])))]);
  const rows = data.rows.map((cells) => made("tr", "row", cells.map((words, place) => {
    const cell = place ? made("td", "cell", [words]) : made("th", "rowheader", [words]);
    cell.dataset.column = data.columns[place];
    cell.classList.toggle("empty", !words);
    return cell;
  })));
  table.replaceChildren(head, made("tbody", "rowgroup", rows));
}

function made(name, role, children) {
  const element = document.createElement(name);
  element.setAttribute("role", role);
  element.append(...children);
  return element;
}
