"use strict";

// Everything is on the page already: this only hides what the reader has not asked for.
const form = document.forms[0];
const output = form.querySelector("output");

// Read once: a page may hold ten thousand changes, and each key that is typed looks at them all.
const sections = Array.from(document.querySelectorAll(".changes"), (section) => ({
  section,
  count: section.querySelector("small"),
  changes: Array.from(section.querySelectorAll("article"), read),
}));

function read(article) {
  // The table's own lists are a hundred times as fast as a selector with a descendant in it.
  const table = article.querySelector("table").tBodies[0];
  return {
    article,
    number: article.querySelector("h3").firstChild.data,
    text: [...texts(article, "h3, p"), table.textContent].join(" ").toLowerCase(),
    tags: texts(article, ".tag"),
    fields: Array.from(table.rows, (row) => ({
      name: row.cells[0].firstChild.data.trim(),
      origin: row.dataset.origin,
    })),
  };
}

function texts(element, selector) {
  return Array.from(element.querySelectorAll(selector), (found) => found.textContent);
}

function wanted(name) {
  return form.elements[name]?.value ?? "";
}

function matcher() {
  const words = wanted("search").toLowerCase().split(/\s+/);
  const [field, tag, origin] = ["field", "tag", "origin"].map(wanted);
  return (change) =>
    words.every((word) => change.text.includes(word)) &&
    (!tag || change.tags.includes(tag)) &&
    change.fields.some(
      (each) => (!field || each.name === field) && (!origin || each.origin === origin),
    );
}

function filter() {
  const matches = matcher();
  // A number that is in both sections is one number.
  const all = new Set();
  const shown = new Set();
  for (const { section, count, changes } of sections) {
    let here = 0;
    for (const change of changes) {
      const hit = matches(change);
      change.article.hidden = !hit;
      here += hit;
      all.add(change.number);
      if (hit) shown.add(change.number);
    }
    count.textContent = outOf(here, changes.length);
    section.hidden = here === 0;
  }
  output.textContent = `Showing ${told(shown.size)} of ${told(all.size)}`;
}

function outOf(here, there) {
  return here === there ? told(there) : `${told(here)} of ${told(there)}`;
}

function told(count) {
  return count.toLocaleString("en");
}

// However fast keys come, a frame has one filtering.
let frame = 0;
function soon() {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(filter);
}

form.addEventListener("input", soon);
form.addEventListener("reset", soon);
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
// A browser that comes back to the page may have kept what was typed.
soon();
