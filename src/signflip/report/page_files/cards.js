"use strict";
// A result as a card.

const PROBLEM_SIZES = new Int32Array(INDEX.names.problem);
for (const problem of INDEX.columns.problem) PROBLEM_SIZES[problem] += 1;

/** Which images a proof is about, and what a rival may not have in them. */
const GRIDS = { "8bit": "image of 8 bits", float32: "image of float32 numbers" };
const TIES = { none: "", flip: ", or the same", predict: ", or the same if it is the lower class" };

function say(number, digits = 4) {
  if (number === 0) return "0"; // a negative zero too
  const text = number.toLocaleString("en", { maximumSignificantDigits: digits });
  return text.replace("-", "−");
}

function sayTime(seconds) {
  return seconds < 0.001 ? "below 1 ms" : `${say(seconds, 3)} s`;
}

/** What stands in place of pictures, or what a reader should know of them. */
function words(row) {
  const [epsilon, prediction, target] = ["epsilon", "prediction", "target"].map((column) =>
    value(row, column),
  );
  const verdict = value(row, "verdict");
  if (verdict === "failed") return `No answer: ${value(row, "stop")}`;
  if (verdict === "robust") {
    const rival = target === null ? "any other class" : `class ${target}`;
    const [image, place] = [GRIDS[value(row, "grid")] ?? "image", value(row, "mask")];
    const where = place === null ? "in every pixel" : `in the pixels that ${place} lets change`;
    return (
      `Proved: no ${image} within ε\u00a0=\u00a0${epsilon} of this one, ${where}, gives ${rival} ` +
      `a higher output than class ${prediction}${TIES[value(row, "ties")]}.`
    );
  }
  if (verdict === "unknown") {
    const found = value(row, "change") === null ? "No better image than the original." : "No flip.";
    return `${found} ${value(row, "stop")}`;
  }
  return "";
}

function facts(row) {
  const entry = (column) => value(row, column);
  const [bound, target, label] = [entry("bound"), entry("target"), entry("label")];
  const wrong = label === entry("prediction") || label < 0 ? "" : ", misclassified";
  return [
    ["Objective", `${say(entry("clean_objective"))} → ${say(entry("objective"))}`],
    ["Largest conceivable", say(entry("largest_conceivable"))],
    ["Upper bound", bound === null ? "none" : say(bound)],
    ["Target", target === null ? "any class" : `class ${target}`],
    ["Image", `${entry("images")}, no. ${entry("image_index")}`],
    ["Label", label < 0 ? "not known" : `class ${label}${wrong}`],
  ];
}

/** Set the marks of the margin's bar, which spans all objectives that can be. */
function setBar(bar, row) {
  const [clean, best, bound, largest] = [
    "clean_objective",
    "objective",
    "bound",
    "largest_conceivable",
  ].map((column) => value(row, column));
  const [low, high] = [Math.min(-largest, clean, 0), Math.max(largest, best, 0)];
  const share = (number) => (high === low ? 50 : (100 * (number - low)) / (high - low));
  const place = (name, number) => (bar.querySelector(name).style.left = `${share(number)}%`);
  place(".zero", 0);
  place(".mark-clean", clean);
  place(".mark-best", best);
  bar.querySelector(".mark-bound").hidden = bound === null;
  if (bound !== null) place(".mark-bound", Math.min(bound, high));
  place(".span", clean);
  bar.querySelector(".span").style.width = `${share(best) - share(clean)}%`;
}

/** The card of a result, its pictures not yet drawn. */
function makeCard(row) {
  const card = document.getElementById("card").content.cloneNode(true).firstElementChild;
  const part = (name) => card.querySelector(`[data-is="${name}"]`);
  const set = (name, text) => (part(name).textContent = text);
  const [verdict, epsilon] = [value(row, "verdict"), value(row, "epsilon")];
  const described = `${value(row, "network")}, ${value(row, "series")}, epsilon ${epsilon}`;
  card.dataset.row = row;
  card.dataset.verdict = verdict;
  card.setAttribute("aria-label", `${described}: ${VERDICTS[verdict]}`);
  set("network", value(row, "network"));
  set("verdict", VERDICTS[verdict]);
  set("series", value(row, "series"));
  set("epsilon", `ε\u00a0=\u00a0${epsilon}`);
  set("seconds", sayTime(value(row, "seconds")));
  set("clean-class", `predicts ${value(row, "prediction")}`);
  if (value(row, "change") === null) {
    card.classList.add("without-change");
    for (const name of ["change", "result"]) card.querySelector(`[data-part="${name}"]`).remove();
  } else {
    set("factor", `× ${say(1 / value(row, "reach"), 3)}`);
    set("result-name", verdict === "flipped" ? "adversarial" : "best found");
    set("result-class", `predicts ${value(row, "witness_prediction")}`);
  }
  set("words", words(row));
  part("words").hidden = !words(row);
  setBar(part("bar"), row);
  part("bar").hidden = verdict === "failed";
  for (const [name, text] of facts(row)) {
    const fact = document.createElement("div");
    const term = document.createElement("dt");
    const detail = document.createElement("dd");
    term.textContent = name;
    detail.textContent = text;
    fact.append(term, detail);
    part("facts").append(fact);
  }
  const others = PROBLEM_SIZES[value(row, "problem")];
  part("same").hidden = others < 2;
  set("same", `All ${others} results of this problem`);
  return card;
}
