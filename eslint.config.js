// The rules for the JavaScript that the pages carry: plain scripts in reports, modules in the server's page.
import js from "@eslint/js";
import globals from "globals";

const MODULES = ["src/earwitness/**/page/*.js", "src/earwitness/**/static/*.js"];
const WORKLETS = ["src/earwitness/**/*_worklet.js"];

export default [
  { ignores: ["*", "!*.js", "!src"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "script", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "consistent-return": "error",
      "default-case-last": "error",
      eqeqeq: "error",
      "no-alert": "error",
      "no-else-return": "error",
      "no-eval": "error",
      "no-implicit-globals": "error",
      "no-implied-eval": "error",
      "no-param-reassign": "error",
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Words of users and files must not become markup: make elements." },
        { property: "outerHTML", message: "Words of users and files must not become markup: make elements." },
        { property: "insertAdjacentHTML", message: "Words of users and files must not become markup: make elements." },
      ],
      "no-self-compare": "error",
      "no-shadow": "error",
      "no-throw-literal": "error",
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-useless-return": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
      "require-await": "error",
      strict: ["error", "global"],
    },
  },
  { files: ["*.config.js", ...MODULES], languageOptions: { sourceType: "module" } },
  { files: WORKLETS, languageOptions: { globals: globals.audioWorklet } },
];
