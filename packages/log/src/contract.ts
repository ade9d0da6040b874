/** The suites that every implementation of an interface of this package passes. */

export { type StorageUnderTest, testStorage } from "./storage/storage.contract.ts";
