/**
 * The page's only script: draws the timeline and lets people move in it. It is plain JavaScript that any browser of the last
 * years runs, without a template's placeholders, so that its hash in the page's policy is that of this text.
 */
export const script = String.raw`
(() => {
  const source = document.getElementById('timeline-data')
  if (!source) return
  const { machines, details, marks } = JSON.parse(source.textContent)
  for (const mark of marks) Object.assign(mark, { outcome: mark.outcome || 'ok', detail: details[mark.detail] })
  const element = (id) => document.getElementById('timeline-' + id)
  const lanes = element('lanes'), panel = element('output'), find = element('find'), failed = element('failed')
  const end = Math.max(0.001, ...marks.map((mark) => mark.at + mark.for))
  let zoom = 1, current = 0, opener
  const time = (seconds) => {
    if (seconds < 59.95) return seconds.toFixed(1) + ' s'
    const whole = Math.round(seconds)
    return Math.floor(whole / 60) + ' min ' + (whole % 60) + ' s'
  }
  const make = (tag, name, text) => {
    const made = document.createElement(tag)
    if (name) made.className = name
    if (text !== undefined) made.textContent = text
    return made
  }
  const inner = make('div', 'lanes-inner')
  const scale = make('div', 'scale')
  scale.setAttribute('aria-hidden', 'true')
  inner.append(scale)
  const rows = machines.map((machine) => {
    const row = make('div', 'lane')
    row.setAttribute('role', 'group')
    row.setAttribute('aria-label', machine)
    const track = make('div', 'track')
    row.append(make('div', 'lane-name', machine), track)
    inner.append(row)
    return track
  })
  // steps of one machine that ran at the same time are drawn below each other
  const levels = machines.map(() => [])
  const buttons = marks.map((mark, index) => {
    const busy = levels[mark.lane]
    let level = busy.findIndex((until) => until <= mark.at)
    if (level < 0) level = busy.length
    busy[level] = mark.at + Math.max(mark.for, end / 400)
    const button = make('button', 'mark ' + mark.kind + ' ' + mark.outcome)
    button.type = 'button'
    button.tabIndex = -1
    button.dataset.index = index
    button.style.left = (mark.at / end) * 100 + '%'
    button.style.width = (mark.for / end) * 100 + '%'
    button.style.top = Math.min(level, 11) * 15 + 'px'
    button.title = mark.name + '\n' + time(mark.at) + ' + ' + time(mark.for)
    button.setAttribute('aria-label', machines[mark.lane] + ', at ' + time(mark.at) + ', ' + time(mark.for) + ', ' + mark.outcome + ': ' + mark.name)
    rows[mark.lane].append(button)
    return button
  })
  rows.forEach((track, lane) => { track.style.height = Math.max(1, Math.min(levels[lane].length, 12)) * 15 + 'px' })
  lanes.append(inner)
  const ticks = () => {
    const wanted = end / (6 * zoom)
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].find((each) => each >= wanted) || 7200
    scale.replaceChildren()
    for (let at = 0; at <= end; at += step) {
      const tick = make('span', 'tick', step < 1 ? at.toFixed(1) + ' s' : time(at))
      tick.style.left = (at / end) * 100 + '%'
      scale.append(tick)
    }
  }
  const setZoom = (factor, middle) => {
    const before = zoom
    zoom = factor === 0 ? 1 : Math.min(256, Math.max(1, zoom * factor))
    const width = inner.clientWidth
    const center = middle === undefined ? (lanes.scrollLeft + lanes.clientWidth / 2) / width : middle / end
    inner.style.width = zoom * 100 + '%'
    if (zoom !== before) lanes.scrollLeft = center * inner.clientWidth - lanes.clientWidth / 2
    ticks()
  }
  const visible = () => buttons.filter((button) => !button.hidden)
  const filter = () => {
    const wanted = find.value.trim().toLowerCase()
    marks.forEach((mark, index) => {
      const text = (mark.name + ' ' + mark.detail + ' ' + (mark.output || '')).toLowerCase()
      buttons[index].hidden = (failed.checked && mark.outcome !== 'failed') || (wanted !== '' && !text.includes(wanted))
    })
    const left = visible()
    element('count').textContent = left.length === marks.length ? '' : left.length + ' of ' + marks.length + ' steps'
    if (buttons[current].hidden && left.length > 0) choose(left[0], false)
  }
  const choose = (button, focus) => {
    buttons[current].tabIndex = -1
    current = Number(button.dataset.index)
    button.tabIndex = 0
    if (focus) button.focus()
  }
  const open = (button) => {
    const mark = marks[Number(button.dataset.index)]
    choose(button, false)
    opener = button
    element('output-title').textContent = mark.name
    element('output-detail').textContent = machines[mark.lane] + ' · at ' + time(mark.at) + ', took ' + time(mark.for) + ' · ' + mark.detail
    element('output-text').textContent = (mark.output === undefined || mark.output === '' ? '(no output)' : mark.output) + (mark.cut ? '\n… (more in run.json)' : '')
    panel.hidden = false
    panel.focus()
  }
  const close = () => {
    if (panel.hidden) return
    panel.hidden = true
    if (opener) opener.focus()
  }
  lanes.addEventListener('click', (event) => {
    const button = event.target.closest('button.mark')
    if (button) open(button)
  })
  lanes.addEventListener('keydown', (event) => {
    const left = visible()
    if (left.length === 0) return
    const place = left.indexOf(buttons[current])
    const sameTime = (lane) => {
      const there = left.filter((each) => marks[each.dataset.index].lane === lane)
      const at = marks[current].at
      return there.sort((a, b) => Math.abs(marks[a.dataset.index].at - at) - Math.abs(marks[b.dataset.index].at - at))[0]
    }
    const inLane = left.filter((each) => marks[each.dataset.index].lane === marks[current].lane)
    const position = inLane.indexOf(buttons[current])
    const next = {
      ArrowRight: () => inLane[position + 1],
      ArrowLeft: () => inLane[position - 1],
      ArrowDown: () => sameTime(marks[current].lane + 1),
      ArrowUp: () => sameTime(marks[current].lane - 1),
      Home: () => inLane[0],
      End: () => inLane[inLane.length - 1],
    }[event.key]
    if (event.key === '+' || event.key === '-') setZoom(event.key === '+' ? 2 : 0.5, marks[current].at)
    else if (next) {
      const button = event.target === lanes ? left[Math.max(0, place)] : next()
      if (button) choose(button, true)
    } else return
    event.preventDefault()
  })
  lanes.addEventListener('wheel', (event) => {
    if (!event.ctrlKey) return
    event.preventDefault()
    const at = (lanes.scrollLeft + event.clientX - lanes.getBoundingClientRect().left) / inner.clientWidth * end
    setZoom(event.deltaY < 0 ? 1.5 : 1 / 1.5, at)
  }, { passive: false })
  for (const button of document.querySelectorAll('[data-zoom]')) button.addEventListener('click', () => setZoom(Number(button.dataset.zoom), zoom > 1 ? undefined : marks[current].at))
  element('close').addEventListener('click', close)
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') close() })
  find.addEventListener('input', filter)
  failed.addEventListener('change', filter)
  choose(buttons[0], false)
  ticks()
})()
`
