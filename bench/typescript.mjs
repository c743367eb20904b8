import { register } from 'node:module';

/**
 * Runs TypeScript as a tenant's build would have it: types taken away and nothing added. `tsx`, which runs everything else
 * here, names each function as it is made, and that costs as much as a reservation.
 */
register('./typescript-hooks.mjs', import.meta.url);
