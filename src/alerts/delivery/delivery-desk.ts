// What people do about messages, and ask about them, in any process with a database, whether it delivers or not.
import type { Database } from '../../db/database.ts';
import { type Acknowledgements, createAcknowledgements } from './acknowledgements.ts';
import { createDeliveryLog, type DeliveryLog } from './delivery-log.ts';
import { createSilences, type Silences } from './silences.ts';

export interface DeliveryDesk {
  readonly silences: Silences;
  readonly acknowledgements: Acknowledgements;
  readonly log: DeliveryLog;
}

export function createDeliveryDesk(database: Database): DeliveryDesk {
  return {
    silences: createSilences(database),
    acknowledgements: createAcknowledgements(database),
    log: createDeliveryLog(database),
  };
}
