"use strict";
// Tables that sort by a click on a column's name.

function byText(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}

/** The first number of a cell, as pages write it: "−1,234.5 [1, 2]" is -1234.5. */
function cellNumber(text) {
  return parseFloat(text.replace("−", "-").replaceAll(",", "").replace(/^[^-\d.]+/, ""));
}

/** Order of two cells of a column of numbers; those without one come last, both ways. */
function compareNumbers(a, b, sign) {
  const [one, other] = [cellNumber(a), cellNumber(b)];
  if (Number.isNaN(one) || Number.isNaN(other)) return Number.isNaN(one) - Number.isNaN(other);
  return sign * (one - other);
}

for (const table of document.querySelectorAll("[data-sortable]")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const numeric = head.classList.contains("number");
    head.querySelector("button").addEventListener("click", () => {
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows];
      const text = (row) => row.cells[column].textContent.trim();
      rows.sort((a, b) =>
        numeric ? compareNumbers(text(a), text(b), sign) : sign * byText(text(a), text(b)),
      );
      table.tBodies[0].append(...rows);
    });
  });
}
