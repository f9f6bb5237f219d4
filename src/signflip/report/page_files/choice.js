"use strict";
// What is shown: filters and order, kept in the address's hash.

const ROWS = INDEX.columns.image.length;
const VERDICTS = {
  flipped: "Flipped",
  robust: "Proved robust",
  unknown: "Undecided",
  failed: "Failed",
};

/** A result's value of a column, as it is to be read. */
function value(row, column) {
  const entry = INDEX.columns[column][row];
  const names = INDEX.names[column];
  return Array.isArray(names) ? names[entry] : entry;
}

/** One filter: its choices, and the place of each result's value among them. */
class Filter {
  constructor(column) {
    this.column = column;
    const all = Array.from({ length: ROWS }, (_, row) => String(value(row, column)));
    this.choices = [...new Set(all)];
    if (column === "verdict") {
      const order = Object.keys(VERDICTS);
      this.choices.sort((a, b) => order.indexOf(a) - order.indexOf(b));
    } else if (column === "epsilon") {
      this.choices.sort((a, b) => a - b);
    } else {
      this.choices.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    }
    const places = new Map(this.choices.map((choice, place) => [choice, place]));
    this.places = Int32Array.from(all, (choice) => places.get(choice));
  }
}

const FILTERS = ["network", "images", "epsilon", "series", "verdict", "problem"].map(
  (column) => new Filter(column),
);

/** Order of a filter's choices. */
function byChoice(column) {
  const { places } = FILTERS.find((filter) => filter.column === column);
  return (a, b) => places[a] - places[b];
}

function byNumber(column) {
  return (a, b) => INDEX.columns[column][a] - INDEX.columns[column][b];
}

function backwards(order) {
  return (a, b) => order(b, a);
}

function inTurn(...orders) {
  return (a, b) => orders.reduce((found, order) => found || order(a, b), 0);
}

const ORDERS = {
  "objective-high": backwards(byNumber("objective")),
  "objective-low": byNumber("objective"),
  "epsilon-low": byNumber("epsilon"),
  "epsilon-high": backwards(byNumber("epsilon")),
  "seconds-low": byNumber("seconds"),
  "seconds-high": backwards(byNumber("seconds")),
  problem: inTurn(
    byChoice("network"),
    byChoice("images"),
    byNumber("image_index"),
    byNumber("epsilon"),
    byNumber("problem"),
    byChoice("series"),
  ),
};

/** The choice that the hash speaks of; what it does not know of is left out. */
function choiceOfHash(hash) {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const choice = {};
  for (const filter of FILTERS) {
    const wanted = words.get(filter.column);
    choice[filter.column] = filter.choices.includes(wanted) ? wanted : "";
  }
  choice.sort = Object.hasOwn(ORDERS, words.get("sort")) ? words.get("sort") : "";
  choice.page = Math.max(1, Math.floor(Number(words.get("page"))) || 1);
  return choice;
}

function hashOfChoice(choice) {
  const words = Object.entries(choice).filter(
    ([name, chosen]) => chosen !== "" && !(name === "page" && chosen === 1),
  );
  return words.length ? `#${new URLSearchParams(words)}` : "";
}

/**
 * The results chosen, in order, and for each filter how many each of its choices would give.
 */
function select(choice) {
  const wanted = FILTERS.map((filter) => filter.choices.indexOf(choice[filter.column]));
  const counts = FILTERS.map((filter) => new Int32Array(filter.choices.length));
  const rows = [];
  for (let row = 0; row < ROWS; row++) {
    let misses = 0;
    let missed = -1;
    FILTERS.forEach((filter, number) => {
      if (wanted[number] >= 0 && filter.places[row] !== wanted[number]) {
        misses += 1;
        missed = number;
      }
    });
    if (misses === 0) {
      rows.push(row);
      FILTERS.forEach((filter, number) => (counts[number][filter.places[row]] += 1));
    } else if (misses === 1) {
      counts[missed][FILTERS[missed].places[row]] += 1;
    }
  }
  if (choice.sort) rows.sort(ORDERS[choice.sort]);
  return { rows, counts };
}
