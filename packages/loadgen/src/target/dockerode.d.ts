/** What is used of dockerode, which comes without types. */
declare module "dockerode" {
  export interface DockerOptions {
    readonly protocol?: "http" | "https" | undefined;
    readonly socketPath?: string | undefined;
    readonly host?: string | undefined;
    readonly port?: number | undefined;
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
    /** Milliseconds until a request that is not answered fails. */
    readonly timeout?: number;
  }

  export default class Docker {
    constructor(options: DockerOptions);
    listContainers(): Promise<unknown>;
    getContainer(id: string): {
      stats(options: { readonly stream: false; readonly "one-shot": true }): Promise<unknown>;
    };
  }
}
