export {
  type CodedError,
  defineErrors,
  type ErrorFactories,
  type ErrorRow,
  type ErrorTable,
  isCodedError,
  PolylogError,
} from "./error-table.ts";
