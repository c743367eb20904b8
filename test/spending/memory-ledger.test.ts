import { MemoryLedger } from '../domain/spending/memory-ledger.ts';
import { describeLedgerStore } from './ledger-store.contract.ts';

const ledger = new MemoryLedger();
describeLedgerStore('in memory', () => ledger);
