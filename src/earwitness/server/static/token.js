// The form for the token, shown when the server requires one.

const { make } = window.earwitness.parts;

/** Show the form until a token is entered; `isWrong` after a token was refused. */
export function requestToken(isWrong) {
  return new Promise((resolve) => {
    const input = make("input", { id: "app-token", type: "password", className: "app-text", autocomplete: "current-password", required: true });
    const text = isWrong ? "The server did not accept this token." : "The operator of this server has it (EARWITNESS_TOKEN).";
    const submit = (event) => {
      event.preventDefault();
      if (!input.value.trim()) return;
      dialog.close();
      dialog.remove();
      resolve(input.value.trim());
    };
    const form = make("form", { onsubmit: submit }, make("h2", { id: "app-token-title" }, "This server requires a token"), make("p", { className: "ew-faint" }, text), make("label", { className: "app-label", htmlFor: "app-token" }, "Token"), input, make("button", { type: "submit", className: "app-primary" }, "Continue"));
    const dialog = make("dialog", { className: "app-dialog", "aria-labelledby": "app-token-title", oncancel: (event) => event.preventDefault() }, form);
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}
