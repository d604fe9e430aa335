// Refused by: biome plugin
import { createTransport } from 'nodemailer';

export const transport = createTransport();
