export { LeaseClient } from './lease-client.js';
export { Lessor } from './lessor.js';
export { answerQuestion } from './lessor-desk.js';
export { remainingMsOf } from './remaining-ms.js';
