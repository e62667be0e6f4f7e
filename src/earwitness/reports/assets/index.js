// The page over many recordings: tables that sort by any column, and one field that filters all of them.
"use strict";
(() => {
  const tables = [...document.querySelectorAll("#ix-recordings, #ix-events")];
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };

  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), undefined, { numeric: true });
  }

  function sortBy(table, column, header) {
    const isDown = header.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th").forEach((each) => each.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map((row) => ({ row, key: keyOf(row, column) }));
    rows.sort((a, b) => (isDown ? compare(b.key, a.key) : compare(a.key, b.key)));
    table.tBodies[0].append(...rows.map(({ row }) => row));
  }

  for (const table of tables) {
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "ix-sort";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sortBy(table, column, header));
      header.append(button);
    });
  }

  const field = document.getElementById("ix-find");
  const found = document.getElementById("ix-found");
  field.closest("[hidden]").hidden = false;
  field.addEventListener("input", () => {
    const query = field.value.trim().toLowerCase();
    const counts = tables.map((table) => {
      const rows = [...table.tBodies[0].rows];
      rows.forEach((row) => { row.hidden = query !== "" && !row.textContent.toLowerCase().includes(query); });
      return rows.filter((row) => !row.hidden).length;
    });
    found.textContent = query ? `${counts[0]} recordings, ${counts[1] || 0} events` : "";
  });
})();
