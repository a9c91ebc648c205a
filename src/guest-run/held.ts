/** Tells a guest run that its standard input is held open by a test, and that the test has died when it ends. */
export const heldByTest = 'DPBENCH_HELD_BY_TEST'
