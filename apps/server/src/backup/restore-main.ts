import 'reflect-metadata';
import { runRestore } from './run-restore.js';

await runRestore();
