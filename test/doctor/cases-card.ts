/** Hugepages and the SmartNIC. */
import type { Case } from './cases.ts'
import { type Changes, systemSections } from './recorded.ts'

export const pool = (total: number, free: number): string =>
  `default 2048\npool 2048 ${total} ${free}\nnode 2048 0 ${total} ${free}`
const cards = (from: string | RegExp, to: string): Changes => ({
  system: { cards: systemSections['cards']!.replace(from, to) },
})
const conf = (from: string | RegExp, to: string): Changes => ({
  system: { 'dpservice.conf': systemSections['dpservice.conf']!.replace(from, to) },
})
const asks320 = { hugepages: { dataplane: { mib: 320 }, mibPerVm: 0 } }

export const cardCases: readonly Case[] = [
  {
    name: 'no hugepages',
    changes: { system: { hugepages: pool(0, 0) } },
    needs: asks320,
    check: 'hugepages',
    found: /^0 of 2 MiB, 0 free.*dpservice asks for 320 MiB/,
    advice: /^sysctl -w vm.nr_hugepages=160; for good/,
    repair: /echo 160 > \/sys\/kernel\/mm\/hugepages\/hugepages-2048kB\/nr_hugepages/,
  },
  {
    name: 'hugepages that others hold',
    changes: { system: { hugepages: pool(512, 100) } },
    needs: asks320,
    check: 'hugepages',
    found: /512 of 2 MiB, 100 free/,
    advice: /vm.nr_hugepages=572.*412 are held by processes/,
    repair: /echo 572 >/,
  },
  {
    name: 'hugepages for dpservice, not for the VMs too',
    changes: { system: { hugepages: pool(200, 200) } },
    needs: { hugepages: { dataplane: { mib: 320 }, mibPerVm: 1024 } },
    check: 'hugepages',
    found: /VMs for 2048 MiB/,
    advice: /=1184/,
    repair: /echo 1184 >/,
  },
  {
    name: 'none free on the node of the card',
    changes: {
      system: { hugepages: 'default 2048\npool 2048 512 512\nnode 2048 0 512 512\nnode 2048 1 0 0' },
    },
    needs: asks320,
    check: 'hugepages',
    status: 'warning',
    found: /none is free on NUMA node 1, where the card is/,
    advice: /node1\/hugepages/,
  },
  {
    name: 'no hugetlbfs',
    changes: { system: { mounts: '/dev/vda / ext4 rw 0 0' } },
    check: 'hugetlbfs',
    found: /no hugetlbfs is mounted at \/dev\/hugepages/,
    advice: /mount -t hugetlbfs/,
  },
  {
    name: 'no IOMMU',
    changes: { system: { iommu: '0' } },
    check: 'IOMMU',
    found: /^off/,
    advice: /intel_iommu=on iommu=pt/,
  },
  {
    name: 'too few VFs',
    changes: cards('numvfs 126', 'numvfs 2'),
    check: 'SR-IOV VFs',
    found: /2 of 126; vm1 has VF 2/,
    advice: /echo 3 > .*sriov_numvfs/,
  },
  {
    name: 'no SR-IOV in the firmware',
    changes: cards('sriov_totalvfs 126', 'sriov_totalvfs 0'),
    check: 'SR-IOV VFs',
    found: /has no SR-IOV/,
    advice: /SRIOV_EN=1/,
  },
  {
    name: 'another card than the config says',
    changes: { system: { cards: 'card 0000:8a:00.0' } },
    check: 'SR-IOV VFs',
    found: /there is no PCI device 0000:8a:00.0/,
    advice: /lspci -D/,
  },
  {
    name: 'legacy mode',
    changes: cards('eswitch switchdev', 'eswitch legacy'),
    check: 'switchdev',
    found: /in legacy mode/,
    advice: /prepare.sh.*devlink dev eswitch set pci\/0000:8a:00.0 mode switchdev/,
  },
  {
    name: 'a representor is missing',
    changes: { system: { representors: 'enp138s0f0npf0vf1 pf0vf1 0000:8a:00.0' } },
    check: 'representors',
    found: /none for VF 2 of vm1$/,
    advice: /devlink port show/,
  },
  {
    name: "another card's representors are not taken for this one's",
    changes: {
      system: { representors: systemSections['representors']!.replaceAll('0000:8a:00.0', '0000:3b:00.0') },
    },
    check: 'representors',
    found: /none for VF 2 of vm1, VF 1 of vm2/,
  },
  {
    name: 'no dpservice.conf',
    changes: { system: { 'dpservice.conf': undefined } },
    check: 'dpservice.conf',
    found: /^\/run\/dpservice\/dpservice.conf is not there/,
    advice: /prepare.sh/,
  },
  {
    name: 'a dpservice.conf cut short',
    changes: conf(/ipv6 [\s\S]*/, ''),
    check: 'dpservice.conf',
    found: /lacks ipv6, a-pf0/,
  },
  {
    name: 'a dpservice.conf of another card',
    changes: conf(/8a:00/g, '3b:00'),
    check: 'dpservice.conf',
    found: /is about 0000:3b:00.0, 0000:3b:00.1, the config's VMs are on 0000:8a:00.0/,
  },
  {
    name: 'a dpservice.conf with fewer representors',
    changes: conf('[0-125]', '[0-1]'),
    check: 'dpservice.conf',
    status: 'warning',
    found: /up to VF 1, the config uses VF 2/,
  },
  {
    name: 'an underlay without room for the tunnel',
    changes: cards('np0 9100', 'np0 1500'),
    check: 'underlay MTU',
    found: /np0: 1500; tunnelled packets of guests take 1540/,
    advice: /ip link set enp138s0f0np0 mtu/,
  },
]
