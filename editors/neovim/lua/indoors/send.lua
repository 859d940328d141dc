-- What would be sent to an API of others, shown before a person decides (`indoors/previewSend`).
--
--   the server's request -> a window with the exact bytes and what they mean -> y: accepted
--     -> q, <Esc>, n, or the window is closed in any way: refused
--
-- The answer comes later than the handler. Neovim runs the handler of a server's request in a coroutine and sends what
-- that returns; where Lua can yield across `pcall` (LuaJIT), it waits for the person without keeping the editor busy.
-- Elsewhere the capability is not declared, and the server does not ask.

local meant = require('indoors.meant')

local M = {}

M.NAMESPACE = vim.api.nvim_create_namespace('indoors.send')
M.CAN_WAIT = jit ~= nil
local FOOTER = ' y send   q do not send '
local BODY = 'Sent is exactly this:'
local TEXT = "To be read, without JSON's escapes:"
-- Characters that are not seen, or seen as a space. Neovim writes some of them in hex; the others are named beside.
local HIDDEN = {
  { 0xa0, 0xa0 }, { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x61c, 0x61c }, { 0x115f, 0x1160 }, { 0x1680, 0x1680 },
  { 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x2000, 0x200f }, { 0x2028, 0x202f }, { 0x205f, 0x206f },
  { 0x2800, 0x2800 }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
  { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb }, { 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
  { 0xe0000, 0xe0fff },
}

---@class indoors.Sent the parameters of the request
---@field host string
---@field operator string
---@field model string
---@field body string
---@field text string
---@field bytes integer
---@field sha256 string
---@field sources string[]
---@field redactions string[]
---@field price string

---@class indoors.Preview
---@field client integer
---@field window integer? once it is on the screen
---@field refuse fun()

---@type indoors.Preview? the one that is on the screen, or waits for its place there
local shown

---@param text string
---@param level integer?
local function say(text, level) vim.notify('Indoors: ' .. text, level or vim.log.levels.INFO) end

--- Why this cannot be shown as what would be sent, '' if it can: what a person accepts is the hash of what they see.
---@param sent indoors.Sent
---@return string
function M.problem(sent)
  if type(sent) ~= 'table' or type(sent.body) ~= 'string' then return 'the server gave no bytes to show' end
  local is_hashed, hash = pcall(vim.fn.sha256, sent.body)
  if not is_hashed or hash ~= sent.sha256 or #sent.body ~= sent.bytes then
    return 'what came to be shown is not what the server would send'
  end
  return ''
end

--- What is shown in lines, and which of them are the body's.
---@param sent indoors.Sent
---@return string[] lines, integer first, integer last from 0, the last is not among them
function M.lines(sent)
  local lines = {}
  local function row(name, value)
    local said = tostring(value or ''):gsub('%c', ' ')
    if said ~= '' then table.insert(lines, ('%-10s %s'):format(name, said)) end
  end
  row('to', ('%s, model %s'):format(sent.host, sent.model))
  row('operator', sent.operator)
  row('text of', table.concat(sent.sources or {}, ', '))
  row('bytes', sent.bytes)
  row('sha256', sent.sha256)
  for _, one in ipairs(sent.redactions or {}) do
    row('replaced', one)
  end
  row('price', sent.price)
  vim.list_extend(lines, { '', BODY })
  local first = #lines
  vim.list_extend(lines, vim.split(sent.body, '\n', { plain = true }))
  local last = #lines
  vim.list_extend(lines, { '', TEXT })
  for _, line in ipairs(vim.split(sent.text or '', '\n', { plain = true })) do
    table.insert(lines, '  ' .. line)
  end
  return lines, first, last
end

---@param character string
---@return string? name of one that would not be seen
local function hidden(character)
  local code = vim.fn.char2nr(character, true)
  for _, range in ipairs(HIDDEN) do
    if code >= range[1] and code <= range[2] then
      -- More than two cells: Neovim writes it in hex by itself.
      local is_seen = vim.fn.strdisplaywidth('a' .. character) > 3
      return not is_seen and ('<U+%04X>'):format(code) or nil
    end
  end
end

--- Name what would not be seen in front of the cell that it is in, without a change of the text.
---@param buffer integer
---@param lines string[]
local function mark_hidden(buffer, lines)
  for number, line in ipairs(lines) do
    local at = 0
    for _, cell in ipairs(line:find('[\128-\255]') and vim.fn.split(line, '\\zs') or {}) do
      local starts = cell:find('[\128-\255]') and vim.str_utf_pos(cell) or {}
      local names = ''
      for index, start in ipairs(starts) do
        names = names .. (hidden(cell:sub(start, (starts[index + 1] or #cell + 1) - 1)) or '')
      end
      if names ~= '' then
        local options = { virt_text = { { names, 'WarningMsg' } }, virt_text_pos = 'inline' }
        vim.api.nvim_buf_set_extmark(buffer, M.NAMESPACE, number - 1, at, options)
      end
      at = at + #cell
    end
  end
end

--- A window over the editor with all of it; nothing in it can be folded away, cut off or changed.
---@param sent indoors.Sent
---@return integer window, integer buffer
local function open(sent)
  local lines, first, last = M.lines(sent)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].modifiable, vim.bo[buffer].bufhidden = false, 'wipe'
  mark_hidden(buffer, lines)
  for _, number in ipairs({ first, last + 2 }) do
    local options = { end_col = #lines[number], hl_group = 'Title' }
    vim.api.nvim_buf_set_extmark(buffer, M.NAMESPACE, number - 1, 0, options)
  end
  local width, height = math.floor(vim.o.columns * 0.9), math.max(1, vim.o.lines - 6)
  local window = vim.api.nvim_open_win(buffer, true, {
    relative = 'editor', style = 'minimal', border = 'rounded', width = width, height = height,
    row = 1, col = math.floor((vim.o.columns - width) / 2),
    title = (' Send %d bytes to %s? '):format(sent.bytes, sent.host), footer = FOOTER,
  })
  local as_it_is = {
    wrap = true, linebreak = false, showbreak = '', breakindent = false, smoothscroll = true, foldenable = false,
    conceallevel = 0, rightleft = false, spell = false,
  }
  for name, value in pairs(as_it_is) do
    vim.api.nvim_set_option_value(name, value, { win = window, scope = 'local' })
  end
  vim.cmd.redraw()
  return window, buffer
end

--- Show it, and call `decided` once: with true only for a y that a person pressed for it.
---@param sent indoors.Sent
---@param this indoors.Preview
---@param decided fun(is_accepted: boolean)
local function show(sent, this, decided)
  local window, buffer = open(sent)
  this.window = window
  local function decide(is_accepted)
    if shown ~= this then return end
    shown = nil
    -- A window cannot be closed while Neovim is about to close it.
    vim.schedule(function()
      if vim.api.nvim_win_is_valid(window) then vim.api.nvim_win_close(window, true) end
      if vim.api.nvim_buf_is_valid(buffer) then vim.api.nvim_buf_delete(buffer, { force = true }) end
      decided(is_accepted)
    end)
  end
  local is_meant = meant.watch(buffer)
  vim.keymap.set('n', 'y', function()
    if is_meant() then return decide(true) end
    say('not sent: that y came right behind another key. Next: read what would be sent, then press y, or q.')
  end, { buffer = buffer, nowait = true, desc = 'Send these bytes' })
  for _, key in ipairs({ 'q', '<Esc>', 'n' }) do
    local options = { buffer = buffer, nowait = true, desc = 'Do not send' }
    vim.keymap.set('n', key, function() decide(false) end, options)
  end
  local function refuse() decide(false) end
  this.refuse = refuse
  local group = vim.api.nvim_create_augroup('indoors_send', {})
  vim.api.nvim_create_autocmd('WinClosed', { group = group, pattern = tostring(window), callback = refuse })
  vim.api.nvim_create_autocmd('BufWipeout', { group = group, buffer = buffer, callback = refuse })
end

--- Nobody was asked. The server then sends nothing, and names the command line.
---@param why string
local function not_asked(why)
  say(('nothing is sent: %s. Next: ask again, or indoors refactor in a terminal'):format(why), vim.log.levels.WARN)
  return nil, vim.lsp.rpc_response_error(vim.lsp.protocol.ErrorCodes.RequestFailed, why)
end

--- The handler of `indoors/previewSend`.
---@param sent indoors.Sent
---@param client integer
function M.request(sent, client)
  local waiting, is_main = coroutine.running()
  if not waiting or is_main then return not_asked('this Neovim cannot wait for an answer') end
  if shown then return not_asked('something else that would be sent is on the screen') end
  local problem = M.problem(sent)
  if problem ~= '' then return not_asked(problem) end
  local function answer(is_accepted, why)
    local is_answered, failure = coroutine.resume(waiting, is_accepted, why)
    if not is_answered then say(tostring(failure), vim.log.levels.ERROR) end
  end
  local this = { client = client }
  -- Before it is on the screen; the handler has not begun to wait yet, or nobody writes a command any more.
  local function end_with(is_accepted, why)
    shown = nil
    vim.schedule(function() answer(is_accepted, why) end)
  end
  this.refuse = function() end_with(false) end
  shown = this
  meant.when_free(function()
    if shown ~= this then return end -- taken back meanwhile
    local is_shown, failure = pcall(show, sent, this, answer)
    if not is_shown then end_with(nil, 'it could not be shown: ' .. tostring(failure)) end
  end)
  local is_accepted, why = coroutine.yield()
  if why then return not_asked(why) end
  return { accepted = is_accepted == true }
end

--- A server takes its request back: its edit was cancelled. It makes no other request that it could mean.
---@param client integer
function M.cancelled(client)
  if shown and shown.client == client then shown.refuse() end
end

--- A server has ended: nobody waits for the answer any more.
---@param client integer
function M.gone(client)
  if not shown or shown.client ~= client then return end
  local window = shown.window
  shown = nil
  if window and vim.api.nvim_win_is_valid(window) then vim.api.nvim_win_close(window, true) end
end

return M
