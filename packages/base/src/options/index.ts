export { defineOptions } from "./define-options.ts";
export { optionErrors } from "./errors.ts";
export type { ListenOption, OptionOrigin, OptionRow, OptionTable, OptionValues } from "./option-table.ts";
export { type HelpTexts, renderHelp } from "./render-help.ts";
export { type ReferenceTexts, renderMarkdown } from "./render-markdown.ts";
export { renderExampleToml } from "./render-toml.ts";
export {
  type OptionConflict,
  type OptionFile,
  type OptionInput,
  type OptionSource,
  type ResolvedOptions,
  resolveOptions,
} from "./resolve-options.ts";
