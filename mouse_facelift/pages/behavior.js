// What a page does when it is touched: tables sort, pictures open at full size, inner pages open on demand.
"use strict";

function cellValue(row, column) {
  const cell = row.cells[column];
  const told = cell.querySelector("[data-number]")?.dataset.number ?? cell.textContent.trim();
  const number = Number(told);
  return told !== "" && Number.isFinite(number) ? number : told;
}

function compareCells(first, second) {
  const numbers = [typeof first === "number", typeof second === "number"];
  if (numbers[0] && numbers[1]) return first - second;
  if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1; // what was not measured stands last
  return String(first).localeCompare(String(second));
}

function sortTable(table, column, direction) {
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row, place) => ({ row, place, value: cellValue(row, column) }));
  rows.sort((a, b) => {
    const order = compareCells(a.value, b.value);
    const mixed = typeof a.value !== typeof b.value;
    return (mixed ? order : direction * order) || a.place - b.place;
  });
  body.append(...rows.map((entry) => entry.row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const direction = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
      sortTable(table, column, direction);
    });
  });
}

for (const picture of document.querySelectorAll("img.zoomable")) {
  const open = () => {
    const dialog = document.createElement("dialog");
    dialog.className = "zoom";
    const large = document.createElement("img");
    large.src = picture.src;
    large.alt = picture.alt;
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "close";
    close.addEventListener("click", () => dialog.close());
    let scale = Math.max(1, Math.min(4, window.innerWidth / picture.naturalWidth));
    const show = () => {
      large.style.width = `${Math.round(picture.naturalWidth * scale)}px`;
    };
    dialog.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.altKey) return;
        event.preventDefault();
        scale = Math.max(0.25, Math.min(16, scale * (event.deltaY < 0 ? 1.25 : 0.8)));
        show();
      },
      { passive: false },
    );
    for (const [words, factor] of [["larger", 1.5], ["smaller", 1 / 1.5]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = words;
      button.addEventListener("click", () => {
        scale = Math.max(0.25, Math.min(16, scale * factor));
        show();
      });
      dialog.append(button);
    }
    show();
    dialog.append(close, large);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  };
  picture.tabIndex = 0;
  picture.setAttribute("role", "button");
  picture.addEventListener("click", open);
  picture.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      open();
    }
  });
}

for (const button of document.querySelectorAll("button.inner-page")) {
  button.addEventListener("click", () => {
    const frame = document.createElement("iframe");
    const coded = document.getElementById(button.dataset.page).textContent.trim();
    const bytes = Uint8Array.from(atob(coded), (letter) => letter.charCodeAt(0));
    frame.srcdoc = new TextDecoder().decode(bytes);
    frame.title = button.textContent;
    frame.className = "inner-page";
    button.replaceWith(frame);
  });
}
