"use strict";
// Figures that open over the whole window, and links to the page's parts.

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // the backdrop
  });
}

for (const figure of document.querySelectorAll("[data-figure]")) {
  const dialog = document.getElementById("large-figure");
  figure.querySelector("[data-enlarge]").addEventListener("click", () => {
    // moved, not copied: the drawing's ids stay the only ones of their name
    const drawing = figure.querySelector(".drawing");
    const home = drawing.parentElement;
    home.style.minHeight = `${home.offsetHeight}px`;
    dialog.querySelector(".paper").append(drawing);
    dialog.querySelector(".bar span").textContent = drawing.getAttribute("aria-label");
    dialog.showModal();
    dialog.addEventListener(
      "close",
      () => {
        home.append(drawing);
        home.style.minHeight = "";
      },
      { once: true },
    );
  });
}

// the address's hash holds the gallery's filters, so links to parts of the page leave it alone
for (const link of document.querySelectorAll(".top nav a")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const part = document.querySelector(link.getAttribute("href"));
    part.scrollIntoView();
    part.querySelector("h2").focus({ preventScroll: true });
  });
}
