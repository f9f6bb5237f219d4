"use strict";
// The gallery: filters, pages of cards, and a card enlarged.

const PAGE = 48;
const at = (id) => document.getElementById(id);
let choice = choiceOfHash(location.hash);
let shown = []; // rows chosen, in order

/** Draw a card's pictures; where that fails, say so in its place. */
async function drawOrSay(card) {
  try {
    await drawResult(card, Number(card.dataset.row));
  } catch (error) {
    const words = card.querySelector('[data-is="words"]');
    words.textContent = `These pictures cannot be drawn by this browser: ${error.message}`;
    words.hidden = false;
  }
}

const NEAR = new IntersectionObserver(
  (entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      NEAR.unobserve(entry.target);
      drawOrSay(entry.target);
    }
  },
  { rootMargin: "400px" },
);

function fillFilter(filter, counts) {
  const box = at(`filter-${filter.column}`);
  if (!box) return; // problems are chosen on a card
  if (!box.options.length) {
    box.add(new Option("All", ""));
    for (const name of filter.choices) box.add(new Option("", name));
  }
  filter.choices.forEach((name, place) => {
    const text = filter.column === "verdict" ? VERDICTS[name] : name;
    box.options[place + 1].text = `${text} (${counts[place].toLocaleString("en")})`;
  });
  box.value = choice[filter.column];
}

function showCount(first, last) {
  const [some, all] = [shown.length, ROWS].map((number) => number.toLocaleString("en"));
  const share = shown.length === ROWS ? `${all} results` : `${some} of ${all} results`;
  const problem = choice.problem === "" ? "" : ", of one problem";
  const range = shown.length > PAGE ? `, ${first + 1} to ${last} shown` : "";
  at("count").textContent = share + problem + range;
  at("clear").hidden = FILTERS.every((filter) => choice[filter.column] === "");
}

function showEmpty() {
  at("empty").hidden = shown.length > 0;
  at("empty").textContent = ROWS
    ? "No result has all of this. Choose “All” in one of the filters, or clear them."
    : "There are no results to look at yet: run the sweep, and make the report again.";
}

function showPager(pages) {
  at("pager").hidden = pages < 2;
  at("page-number").textContent = `Page ${choice.page} of ${pages}`;
  const goals = { first: 1, previous: choice.page - 1, next: choice.page + 1, last: pages };
  for (const button of at("pager").querySelectorAll("button")) {
    const goal = goals[button.dataset.go];
    button.disabled = goal < 1 || goal > pages || goal === choice.page;
    button.onclick = () => {
      change({ page: goal });
      at("gallery").querySelector(".status").scrollIntoView();
      at("cards").querySelector("[data-open]").focus({ preventScroll: true });
    };
  }
}

/** Show what is chosen. */
function show() {
  const { rows, counts } = select(choice);
  shown = rows;
  const pages = Math.max(1, Math.ceil(rows.length / PAGE));
  choice.page = Math.min(choice.page, pages);
  const first = (choice.page - 1) * PAGE;
  const last = Math.min(first + PAGE, rows.length);
  FILTERS.forEach((filter, number) => fillFilter(filter, counts[number]));
  at("sort").value = choice.sort;
  NEAR.disconnect();
  at("cards").replaceChildren(...rows.slice(first, last).map(makeCard));
  for (const card of at("cards").children) NEAR.observe(card);
  showCount(first, last);
  showEmpty();
  showPager(pages);
}

/** Choose otherwise, show it, and keep it in the address. */
function change(words) {
  choice = { ...choice, page: 1, ...words };
  show();
  history.replaceState(null, "", hashOfChoice(choice) || location.pathname + location.search);
}

function enlarge(place) {
  const dialog = at("large-card");
  const card = makeCard(shown[place]);
  const focused = document.activeElement;
  card.querySelector("[data-open]").disabled = true; // it is large already
  dialog.querySelector(".body").replaceChildren(card);
  dialog.querySelector(".bar span").textContent =
    `${(place + 1).toLocaleString("en")} of ${shown.length.toLocaleString("en")}`;
  for (const button of dialog.querySelectorAll("[data-step]")) {
    const next = place + Number(button.dataset.step);
    button.disabled = !(next in shown);
    button.onclick = () => enlarge(next);
  }
  dialog.onkeydown = (event) => {
    const next = place + ({ ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0);
    if (next !== place && next in shown) enlarge(next);
  };
  if (!dialog.open) dialog.showModal();
  if (focused.disabled) dialog.querySelector("[data-close]").focus(); // at either end
  drawOrSay(card);
}

at("filters").addEventListener("change", (event) =>
  change({ [event.target.name]: event.target.value }),
);
at("filters").addEventListener("submit", (event) => event.preventDefault());
at("clear").addEventListener("click", () => {
  change(Object.fromEntries(FILTERS.map((filter) => [filter.column, ""])));
  at("filter-network").focus();
});
document.addEventListener("click", (event) => {
  const card = event.target.closest(".card");
  if (!card) return;
  const row = Number(card.dataset.row);
  if (event.target.closest("[data-open]") && !card.closest("dialog")) enlarge(shown.indexOf(row));
  if (event.target.closest('[data-is="same"]')) {
    at("large-card").close();
    const none = Object.fromEntries(FILTERS.map((filter) => [filter.column, ""]));
    change({ ...none, problem: String(value(row, "problem")), sort: "problem" });
    at("count").scrollIntoView({ block: "center" });
  }
});
addEventListener("hashchange", () => {
  choice = choiceOfHash(location.hash);
  show();
});

at("filters").hidden = false;
at("gallery").querySelector(".status").hidden = false;
show();
