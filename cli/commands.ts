import type { Command } from 'commander';
import { audit } from './audit/command.ts';
import { apply, plan } from './declare/command.ts';
import { doctor } from './doctor/command.ts';
import { guard } from './guard/command.ts';
import { init } from './init/command.ts';
import { disable, enable, overrides, raise, shadow, takeBack } from './override/command.ts';
import { profiles } from './profiles/command.ts';
import { recover } from './recover/command.ts';
import { redrive } from './redrive/command.ts';
import { report } from './report/command.ts';
import { status } from './status/command.ts';
import { tenants } from './tenants/command.ts';
import { validate } from './validate/command.ts';

/** All commands, in the order of their help: each adds itself to the program. */
export const COMMANDS: readonly ((program: Command) => Command)[] = [
  init,
  validate,
  plan,
  apply,
  status,
  tenants,
  profiles,
  report,
  audit,
  doctor,
  redrive,
  disable,
  enable,
  raise,
  overrides,
  takeBack,
  shadow,
  recover,
  guard,
];
