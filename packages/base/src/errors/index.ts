export {
  type CodedError,
  defineErrors,
  type ErrorRow,
  type ErrorTable,
  isCodedError,
  PolylogError,
} from "./error-table.ts";
