// The form for the token, shown when the server wants one.

const { make } = window.earwitness.parts;

/** Ask for the token until one is given; `isWrong` where one was tried. */
export function askToken(isWrong) {
  return new Promise((resolve) => {
    const input = make("input", { id: "app-token", type: "password", className: "app-text", autocomplete: "current-password", required: true });
    const said = isWrong ? "The server did not take that token." : "Whoever runs this server has it (EARWITNESS_TOKEN).";
    const give = (event) => {
      event.preventDefault();
      if (!input.value.trim()) return;
      dialog.close();
      dialog.remove();
      resolve(input.value.trim());
    };
    const form = make("form", { onsubmit: give }, make("h2", { id: "app-token-title" }, "This server wants a token"), make("p", { className: "ew-faint" }, said), make("label", { className: "app-label", htmlFor: "app-token" }, "Token"), input, make("button", { type: "submit", className: "app-primary" }, "Go on"));
    const dialog = make("dialog", { className: "app-dialog", "aria-labelledby": "app-token-title", oncancel: (event) => event.preventDefault() }, form);
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}
