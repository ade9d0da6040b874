export { type NsqScript, nsqScripts, wrongMagics } from "./protocol-scripts.ts";
export { recordedAnswers } from "./recorded-answers.ts";
