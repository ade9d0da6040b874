/** What the store's process is asked and answers. Everything here can be cloned. */

export type SqlValue = string | number | boolean | null;

export type StoreRequest =
  | { readonly id: number; readonly kind: "open"; readonly path: string; readonly isReadOnly: boolean }
  /** In one transaction. */
  | { readonly id: number; readonly kind: "write"; readonly statements: readonly Statement[] }
  | { readonly id: number; readonly kind: "query"; readonly sql: string; readonly values: readonly SqlValue[] }
  | { readonly id: number; readonly kind: "close" };

export interface Statement {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

export interface Rows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
}

export interface StoreAnswer {
  readonly id: number;
  readonly rows?: Rows;
  readonly problem?: string;
}
