// Input of recordings: a zone to click, the whole window while files are dragged, the clipboard.

const { make, icon } = window.earwitness.parts;
const WAVE = "M3 11v2M6.6 8v8M10.2 4.5v15M13.8 8.5v7M17.4 6v12M21 10.5v3";
const MICROPHONE = "M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM6 11a1 1 0 0 0-2 0 8 8 0 0 0 7 7.9V22h2v-3.1A8 8 0 0 0 20 11a1 1 0 0 0-2 0 6 6 0 0 1-12 0z";

export class Intake {
  /** `onFiles(files)` receives the files that were chosen, dropped or pasted. */
  constructor({ onFiles, recorder }) {
    this.onFiles = onFiles;
    this.input = make("input", { type: "file", id: "app-file", className: "app-file", multiple: true, accept: "audio/*,video/mp4,video/webm,.wav,.flac,.ogg,.opus,.mp3,.aiff,.aif,.m4a,.mp4,.webm,.w64,.au,.caf", onchange: () => this._choose() });
    const wave = icon(WAVE);
    wave.classList.add("app-wave");
    this.hint = make("span", { className: "app-drop-hint" }, "or drop them anywhere, or paste");
    this.zone = make("label", { className: "app-drop", htmlFor: "app-file" }, wave, make("span", { className: "app-drop-title" }, "Choose recordings"), this.hint);
    this.record = make("button", { type: "button", className: "ew-button app-record", onclick: () => recorder.start() }, icon(MICROPHONE), "Record");
    this.veil = make("div", { className: "app-veil", hidden: true }, make("p", {}, "Drop to analyse"));
    this.element = make("div", { className: "app-intake-box" }, this.input, this.zone, this.record, recorder.element);
    document.body.append(this.veil);
    this._listen();
  }

  setOpen(isRecording) {
    this.record.hidden = isRecording;
    if (!isRecording && document.activeElement === document.body) this.record.focus();
  }

  _choose() {
    const files = [...this.input.files];
    this.input.value = ""; // so that the same file can be chosen again
    if (files.length) this.onFiles(files);
  }

  _listen() {
    const hasFiles = (event) => [...(event.dataTransfer ? event.dataTransfer.types : [])].includes("Files");
    window.addEventListener("dragenter", (event) => this._show(hasFiles(event)));
    window.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
    window.addEventListener("dragleave", (event) => event.relatedTarget === null && this._show(false));
    window.addEventListener("drop", (event) => {
      this._show(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.onFiles([...event.dataTransfer.files]);
    });
    window.addEventListener("paste", (event) => {
      const files = event.clipboardData ? [...event.clipboardData.files] : [];
      if (!files.length) return;
      event.preventDefault();
      this.onFiles(files);
    });
  }

  _show(isOver) {
    this.veil.hidden = !isOver;
  }
}
