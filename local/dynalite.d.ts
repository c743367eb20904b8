declare module 'dynalite' {
  import type { Server } from 'node:http';

  interface DynaliteOptions {
    /** Milliseconds that a table stays in CREATING, DELETING or UPDATING. */
    readonly createTableMs?: number;
    readonly deleteTableMs?: number;
    readonly updateTableMs?: number;
    /** Folder of the LevelDB store; in memory without. */
    readonly path?: string;
  }

  export default function dynalite(options?: DynaliteOptions): Server;
}
