export { MemoryLedger } from '../../../domain/spending/memory-ledger.ts';
