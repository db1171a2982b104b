export {
  FAULT_CLASSES,
  planFor,
  PROFILES,
  type FaultClass,
  type PlanOptions,
  type Profile,
  type SimulationPlan,
} from './plan.js';
export { simulate, type SimulationResult } from './simulation.js';
export { reportOf } from './report.js';
