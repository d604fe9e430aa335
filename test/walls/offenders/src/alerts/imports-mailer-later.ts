// Refused by: biome plugin
export const composer = () => import('nodemailer/lib/mail-composer');
