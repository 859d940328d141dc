-- What the server says about itself (`indoors/status`), what is paused here, and both in a few characters.
--
-- The shape says the state, never a colour: `⌂ 7b` ready, `⌂ 7b …` at work, `⌂ paused`, `⌂ off` not in this file,
-- `⌂ !` somebody must do something, `⌂? 7b` ready but the lock-down is unproven. Where a policy lets code leave this
-- machine, the mark is another one and a word says how far: `⇄ on-prem 7b`, `⇄ closed 7b`. `⌂ 7b, files not`: the
-- kernel keeps us from every connection, and from no files.
--
-- There may be several servers (`folders`): what is said in a buffer is what the buffer's server said.

local clients = require('indoors.clients')

local M = {}

---@class indoors.Status as in docs/protocol.md
---@field phase 'loading'|'ready'|'busy'|'inactive'|'error'|'stopped'
---@field reason string
---@field next_step string? what to do about an error
---@field mode string? how far a policy lets code go
---@field model string
---@field device string
---@field lock string
---@field progress number?
---@field tokens_per_s number?

---@type table<integer, indoors.Status> what each client's server said last
local heard = {}
---@type table<integer, indoors.Status> buffers whose server has ended and is not started again by itself
local ended = {}

---@type { until_ms: integer?, files: table<string, true>, languages: table<string, true> }
local paused = { files = {}, languages = {} }
local timer = nil

--- Called after every change; `ghost` looks again.
M.on_change = function() end

local function changed()
  vim.schedule(function()
    M.on_change()
    vim.cmd.redrawstatus({ bang = true })
    vim.api.nvim_exec_autocmds('User', { pattern = 'IndoorsStatus', modeline = false })
  end)
end

---@param client_id integer
---@param status indoors.Status? nil: it has gone
function M.received(client_id, status)
  heard[client_id] = status
  changed()
end

--- What a client's server said last, or nil.
---@param client_id integer
---@return indoors.Status?
function M.of(client_id) return heard[client_id] end

--- What the server of a buffer said last, or nil.
---@param buffer integer? the current one
---@return indoors.Status? status, boolean is_attached
function M.get(buffer)
  buffer = buffer and buffer ~= 0 and buffer or vim.api.nvim_get_current_buf()
  local client = clients.of(buffer)
  if client then return heard[client.id], true end
  return ended[buffer], false
end

--- The server of buffers ended by itself.
---@param buffers integer[]
---@param reason string
---@param next_step string
function M.stopped(buffers, reason, next_step)
  local status = { phase = 'stopped', reason = reason, next_step = next_step }
  status.model, status.device, status.lock = '', '', 'unproven'
  for _, buffer in ipairs(buffers) do
    ended[buffer] = status
  end
  changed()
end

--- A buffer gets a server again.
---@param buffer integer
function M.started(buffer) ended[buffer] = nil end

--- The servers that have ended and are not started again by themselves.
---@return indoors.Status[]
function M.all_stopped()
  local found = {}
  for buffer, status in pairs(ended) do
    -- One that was put away gets a server when it is opened again.
    local is_open = vim.api.nvim_buf_is_loaded(buffer)
    if is_open and not vim.list_contains(found, status) then table.insert(found, status) end
  end
  return found
end

-- --- pauses -----------------------------------------------------------------------------------------------------

local function stop_timer()
  if timer and not timer:is_closing() then
    timer:stop()
    timer:close()
  end
  timer = nil
end

---@param minutes number
function M.pause_for(minutes)
  stop_timer()
  local left_ms = math.ceil(minutes * 60000)
  vim.uv.update_time()
  local until_ms = vim.uv.now() + left_ms
  paused.until_ms = until_ms
  timer = vim.defer_fn(function()
    -- Pauses of a file or a language go on, and so does one that was begun while this was about to run.
    if paused.until_ms ~= until_ms then return end
    paused.until_ms, timer = nil, nil
    changed()
  end, left_ms)
  changed()
end

---@param buffer integer
function M.pause_file(buffer)
  paused.files[vim.uri_from_bufnr(buffer)] = true
  changed()
end

---@param language string
function M.pause_language(language)
  paused.languages[language] = true
  changed()
end

--- End every pause.
function M.resume()
  stop_timer()
  paused = { files = {}, languages = {} }
  changed()
end

--- Why nothing is suggested in a buffer because of a pause; '' if there is none.
---@param buffer integer
---@return string
function M.paused(buffer)
  local left_ms = paused.until_ms and paused.until_ms - vim.uv.now() or 0
  if left_ms > 0 then return ('for another %d min'):format(math.ceil(left_ms / 60000)) end
  if paused.files[vim.uri_from_bufnr(buffer)] then return 'in this file' end
  local language = vim.bo[buffer].filetype
  if paused.languages[language] then return ('in %s files'):format(language) end
  return ''
end

-- --- in words ---------------------------------------------------------------------------------------------------

--- A model's size, else its name.
---@param model string
---@return string
local function short(model)
  local size = model:match('(%d[%d.]*[bB])%f[%W]')
  return size and size:lower() or model
end

local FILES_NOT = 'network enforced, files not'

---@type table<string, { word: string, says: string }> where a policy lets code leave this machine
local BEYOND = {
  onprem = { word = 'on-prem', says = 'on-prem: code may go to your own servers' },
  closed = { word = 'closed', says = 'closed: code may go to servers of others, for an edit that you ask for' },
}

--- How far code may go, in words; '' where it stays on this machine.
---@param last indoors.Status?
---@return string
function M.beyond_in_words(last)
  local beyond = last and BEYOND[last.mode]
  return beyond and beyond.says or ''
end

--- A mark and words behind it, those that are not empty.
---@param ... string
local function joined(...)
  return table.concat(vim.tbl_filter(function(one) return one ~= '' end, { ... }), ' ')
end

--- For a status line: '' where Indoors is not attached.
---@param buffer integer?
---@return string
function M.line(buffer)
  buffer = buffer and buffer ~= 0 and buffer or vim.api.nvim_get_current_buf()
  local last, is_attached = M.get(buffer)
  if last and last.phase == 'stopped' then return '⌂ !' end
  if not is_attached then return '' end
  local beyond = last and BEYOND[last.mode]
  local home = beyond and '⇄' or '⌂'
  if M.paused(buffer) ~= '' then return home .. ' paused' end
  if not last then return '⌂ …' end
  if last.phase == 'error' then return home .. ' !' end
  if last.phase == 'inactive' then return home .. ' off' end
  local mark = last.lock == 'unproven' and home .. '?' or home
  local word = beyond and beyond.word or ''
  if last.phase == 'loading' then
    return joined(mark, word, last.progress and ('%d %%'):format(math.floor(last.progress * 100)) or '…')
  end
  local files = last.lock == FILES_NOT and ', files not' or ''
  return joined(mark, word, short(last.model), last.phase == 'busy' and '…' or '') .. files
end

local LOCKS = {
  enforced = 'enforced by the kernel: no network, no files but those it needs',
  [FILES_NOT] = 'no network, enforced by the kernel; files are not restricted on this system',
  unproven = 'unproven: this system did not show that it keeps the server from the network',
}

--- The lock-down in words.
---@param lock string
---@return string
function M.lock_in_words(lock) return LOCKS[lock] or lock end

--- What to do about an error, '' if there is none.
---@param last indoors.Status?
---@return string
function M.next_step(last)
  if not last or (last.phase ~= 'error' and last.phase ~= 'stopped') then return '' end
  local told = last.next_step or ''
  if told == '' or told:match('^indoors setup') then return ':Indoors setup   (in a terminal: indoors setup)' end
  -- What lacks an engine or a model is put right by setup as well, and that can be started here.
  return told .. (last.phase == 'error' and told:match('^indoors ') and '   (or :Indoors setup)' or '')
end

--- The state in a few lines, with the next step.
---@param buffer integer
---@return string[]
function M.lines(buffer)
  local pause, last = M.paused(buffer), M.get(buffer)
  local said = {}
  if pause ~= '' then table.insert(said, ('paused %s   (:Indoors pause off)'):format(pause)) end
  if not last then
    table.insert(said, 'the server is not running here   (:checkhealth indoors)')
    return said
  end
  local is_up = last.phase == 'ready' or last.phase == 'busy'
  local speed = is_up and last.tokens_per_s and ('%d tokens/s'):format(math.floor(last.tokens_per_s + 0.5)) or ''
  local head = { last.phase, last.model, last.device, speed }
  table.insert(said, table.concat(vim.tbl_filter(function(one) return one ~= '' end, head), ' · '))
  if last.reason ~= '' then table.insert(said, last.reason) end
  local next_step = M.next_step(last)
  if next_step ~= '' then table.insert(said, 'Next: ' .. next_step) end
  local beyond = M.beyond_in_words(last)
  if beyond ~= '' then table.insert(said, beyond .. '   (indoors policy show)') end
  if last.phase ~= 'stopped' then table.insert(said, 'lock: ' .. M.lock_in_words(last.lock)) end
  for _, engine in ipairs(last.engines or {}) do
    local why = (engine.reason or '') ~= '' and ': ' .. engine.reason or ''
    table.insert(said, ('engine %s: %s%s'):format(engine.name, engine.state, why))
  end
  return said
end

return M
