// One test per subtest of the script, all in one fresh VM. Needs no machines and no config: `npx vitest run`.
import { guestRun } from 'dpbench'

guestRun(`${import.meta.dirname}/scratch-disks.sh`)
