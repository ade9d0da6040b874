declare module "node-crate" {
  interface Answer {
    readonly cols: readonly string[];
    readonly rows: readonly (readonly unknown[])[];
    readonly rowcount: number;
    readonly results?: readonly { readonly rowcount: number }[];
  }
  interface Client {
    connect(address: string): void;
    execute(statement: string, args: readonly unknown[]): Promise<Answer>;
    executeBulk(statement: string, args: readonly (readonly unknown[])[]): Promise<Answer>;
    insert(table: string, row: object): Promise<Answer>;
    update(table: string, row: object, where: string): Promise<Answer>;
    delete(table: string, where: string): Promise<Answer>;
  }
  const client: Client;
  export default client;
}
