-- What the server says about itself (`indoors/status`), what is paused here, and both in a few characters.
--
-- The shape says the state, never a colour: `⌂ 7b` ready, `⌂ 7b …` at work, `⌂ paused`, `⌂ off` not in this file,
-- `⌂ !` somebody must do something, `⌂? 7b` ready but the lock-down is unproven.

local M = {}

---@class indoors.Status as in docs/protocol.md
---@field phase 'loading'|'ready'|'busy'|'inactive'|'error'|'stopped'
---@field reason string
---@field model string
---@field device string
---@field lock string
---@field progress number?

---@type indoors.Status?
local last = nil

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

---@param status indoors.Status?
function M.received(status)
  last = status
  changed()
end

--- What the server said last, or nil.
---@return indoors.Status?
function M.get() return last end

--- The server ended by itself.
---@param reason string
function M.stopped(reason)
  last = { phase = 'stopped', reason = reason, model = '', device = '', lock = 'unproven' }
  changed()
end

-- --- pauses -----------------------------------------------------------------------------------------------------

---@param minutes number
function M.pause_for(minutes)
  paused.until_ms = vim.uv.now() + math.ceil(minutes * 60000)
  if timer then timer:stop() end
  timer = vim.defer_fn(function() M.resume() end, math.ceil(minutes * 60000))
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
  if timer then
    timer:stop()
    if not timer:is_closing() then timer:close() end
    timer = nil
  end
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

--- For a status line: '' where Indoors is not attached.
---@param buffer integer?
---@return string
function M.line(buffer)
  buffer = buffer and buffer ~= 0 and buffer or vim.api.nvim_get_current_buf()
  local is_attached = #vim.lsp.get_clients({ bufnr = buffer, name = 'indoors' }) > 0
  if last and last.phase == 'stopped' then return '⌂ !' end
  if not is_attached then return '' end
  if M.paused(buffer) ~= '' then return '⌂ paused' end
  if not last then return '⌂ …' end
  if last.phase == 'error' then return '⌂ !' end
  if last.phase == 'inactive' then return '⌂ off' end
  local mark = last.lock == 'unproven' and '⌂?' or '⌂'
  if last.phase == 'loading' then
    return last.progress and ('%s %d %%'):format(mark, math.floor(last.progress * 100)) or mark .. ' …'
  end
  local model = short(last.model)
  return table.concat(
    vim.tbl_filter(function(one) return one ~= '' end, {
      mark,
      model,
      last.phase == 'busy' and '…' or '',
    }),
    ' '
  )
end

local LOCKS = {
  enforced = 'enforced by the kernel: no network, no files but those it needs',
  ['network enforced, files not'] = 'no network, enforced by the kernel; files are not restricted on this system',
  unproven = 'unproven: this system did not show that it keeps the server from the network',
}

--- The lock-down in words.
---@param lock string
---@return string
function M.lock_in_words(lock) return LOCKS[lock] or lock end

--- The state in a few lines, with the next step.
---@param buffer integer
---@return string[]
function M.lines(buffer)
  local pause = M.paused(buffer)
  local said = {}
  if pause ~= '' then table.insert(said, ('paused %s   (:Indoors pause off)'):format(pause)) end
  if not last then
    table.insert(said, 'the server is not running here   (:checkhealth indoors)')
    return said
  end
  local head = { last.phase, last.model, last.device }
  table.insert(said, table.concat(vim.tbl_filter(function(one) return one ~= '' end, head), ' · '))
  if last.reason ~= '' then table.insert(said, last.reason) end
  if last.phase == 'error' then table.insert(said, ':Indoors setup does what is missing, in a terminal') end
  if last.phase ~= 'stopped' then table.insert(said, 'lock: ' .. M.lock_in_words(last.lock)) end
  return said
end

return M
