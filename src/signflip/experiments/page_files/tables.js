"use strict";
// Tables that sort by a click on a column's name: by number where both cells start with one.

function cellNumber(text) {
  return parseFloat(text.replace("−", "-").replaceAll(",", "").replace(/^[^-\d.]+/, ""));
}

function compareCells(a, b) {
  const numbers = [cellNumber(a), cellNumber(b)];
  if (numbers.every(Number.isNaN)) return a.localeCompare(b, "en", { numeric: true });
  if (Number.isNaN(numbers[0])) return 1; // cells without a number come last
  if (Number.isNaN(numbers[1])) return -1;
  return numbers[0] - numbers[1];
}

for (const table of document.querySelectorAll("[data-sortable]")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      const text = (row) => row.cells[column].textContent.trim();
      rows.sort((a, b) => compareCells(text(a), text(b)) * (falling ? -1 : 1));
      table.tBodies[0].append(...rows);
    });
  });
}
