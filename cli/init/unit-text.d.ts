/** Files of `packaging/` that are imported as text. */
declare module "*.service" {
  const text: string;
  export default text;
}
declare module "*.socket" {
  const text: string;
  export default text;
}
declare module "*.conf" {
  const text: string;
  export default text;
}
