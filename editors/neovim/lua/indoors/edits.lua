-- Edits that the server made, shown as a diff before anything changes.
--
--   menu entry (command `indoors.preview` or `indoors.askInstruction`, argument: the wish)
--     -> codeAction/resolve -> WorkspaceEdit -> diff in a floating window
--     -> <CR> or y: applied, one step to undo -- q or <Esc>: nothing has changed
--   `:Indoors stop` before the answer -> $/cancelRequest, and nothing is shown
--
-- The server makes an edit of one version of a buffer. Typing while the diff is open makes it void.

local awaited = require('indoors.awaited')
local clients = require('indoors.clients')
local meant = require('indoors.meant')
local uris = require('indoors.uris')

local M = {}

-- An edit that takes longer is told of, with the way to end it.
M.PATIENCE_MS = 500
local FOOTER = ' <CR> apply   q discard '
local LOST = 'nothing was edited'

--- The text of a file as it is: the buffer's, if one is loaded, else the disk's.
---@param uri string
---@return string[]
local function lines_of(uri)
  local buffer, path = uris.buffer(uri), vim.uri_to_fname(uri)
  if buffer then return vim.api.nvim_buf_get_lines(buffer, 0, -1, false) end
  return vim.fn.filereadable(path) == 1 and vim.fn.readfile(path) or {}
end

--- The lines with text edits made to them, in a buffer that nobody sees.
---@param lines string[]
---@param edits table[]
---@param encoding string
---@return string[]
local function edited(lines, edits, encoding)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  local plain = vim.tbl_map(function(one) return { range = one.range, newText = one.newText } end, edits)
  vim.lsp.util.apply_text_edits(plain, buffer, encoding)
  local after = vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
  vim.api.nvim_buf_delete(buffer, { force = true })
  return after
end

--- A unified diff of all that an edit changes.
---@param edit table
---@param encoding string
---@return string[]
function M.diff(edit, encoding)
  local shown = {}
  for _, change in ipairs(edit.documentChanges or {}) do
    if not change.kind then
      local uri = change.textDocument.uri
      local before = lines_of(uri)
      local after = edited(before, change.edits, encoding)
      local name = vim.fn.fnamemodify(vim.uri_to_fname(uri), ':~:.')
      vim.list_extend(shown, { '--- ' .. name, '+++ ' .. name })
      local old, new = table.concat(before, '\n') .. '\n', table.concat(after, '\n') .. '\n'
      local diff = vim.diff(#before > 0 and old or '', new, { ctxlen = 3, algorithm = 'histogram' })
      vim.list_extend(shown, vim.split(vim.trim(tostring(diff)), '\n'))
    end
  end
  return shown
end

--- The same edit without what asks: the person was asked by us.
local function confirmed(edit)
  local copy = vim.deepcopy(edit)
  copy.changeAnnotations = nil
  for _, change in ipairs(copy.documentChanges or {}) do
    change.annotationId = nil
    for _, one in ipairs(change.edits or {}) do
      one.annotationId = nil
    end
  end
  return copy
end

--- Why an edit cannot be applied, with the next step: every buffer must be at the version that it was made from.
---@param edit table
---@return string?
local function problem_of(edit)
  for _, change in ipairs(edit.documentChanges or {}) do
    local document = change.textDocument
    local buffer = document and uris.buffer(document.uri)
    local version = buffer and vim.lsp.util.buf_versions[buffer]
    if document and type(document.version) == 'number' and version ~= document.version then
      return 'the document has changed. Next: ask again'
    end
    if buffer and not vim.bo[buffer].modifiable then
      local name = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ':~:.')
      return ("%s cannot be changed ('modifiable' is off). Next: :set modifiable, then ask again"):format(name)
    end
  end
end

---@param text string
local function say(text) vim.notify('Indoors: ' .. text, vim.log.levels.INFO) end

--- Name what an edit has changed out of sight: Neovim leaves it in a hidden buffer that is not saved.
---@param edit table
local function tell_unseen(edit)
  local names = {}
  for _, change in ipairs(edit.documentChanges or {}) do
    local buffer = not change.kind and vim.uri_to_bufnr(change.textDocument.uri)
    if buffer and vim.bo[buffer].modified and vim.fn.bufwinid(buffer) == -1 then
      local name = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ':~:.')
      if not vim.list_contains(names, name) then table.insert(names, name) end
    end
  end
  if #names == 0 then return end
  say(('changed, not saved: %s. Next: :edit %s'):format(table.concat(names, ', '), vim.fn.fnameescape(names[1])))
end

--- A remark in lines of a width: a diff is not wrapped.
---@param remark string
---@param width integer
---@return string[]
local function remarked(remark, width)
  local lines = {}
  for word in remark:gmatch('%S+') do
    local longer = #lines > 0 and lines[#lines] .. ' ' .. word
    if longer and vim.fn.strdisplaywidth(longer) <= width then
      lines[#lines] = longer
    else
      table.insert(lines, '# ' .. word)
    end
  end
  return lines
end

--- Show an edit and let the person decide.
---@param edit table
---@param encoding string
function M.show(edit, encoding)
  local note = select(2, next(edit.changeAnnotations or {})) or {}
  local shown = M.diff(edit, encoding)
  local width = math.floor(vim.o.columns * 0.9)
  if note.description then
    table.insert(shown, '')
    vim.list_extend(shown, remarked(note.description, width))
  end
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, shown)
  vim.bo[buffer].modifiable, vim.bo[buffer].bufhidden = false, 'wipe'
  local height = math.max(1, math.min(#shown, vim.o.lines - 6))
  local window = vim.api.nvim_open_win(buffer, true, {
    relative = 'editor', style = 'minimal', border = 'rounded',
    width = width, height = height,
    row = math.max(0, math.floor((vim.o.lines - height) / 2) - 1),
    col = math.floor((vim.o.columns - width) / 2),
    title = ' ' .. (note.label or 'Indoors') .. ' ', footer = FOOTER,
  })
  vim.wo[window].wrap = false
  vim.bo[buffer].filetype = 'diff'

  local is_meant = meant.watch(buffer)
  local function close()
    if vim.api.nvim_win_is_valid(window) then vim.api.nvim_win_close(window, true) end
  end
  local function apply()
    if not is_meant() then return say('not applied: typed too soon. Next: read the diff, then y, or q') end
    close()
    local problem = problem_of(edit)
    if problem then return say(('%s: %s'):format(LOST, problem)) end
    vim.lsp.util.apply_workspace_edit(confirmed(edit), encoding)
    tell_unseen(edit)
  end
  for _, key in ipairs({ '<CR>', 'y' }) do
    vim.keymap.set('n', key, apply, { buffer = buffer, nowait = true, desc = 'Apply the edit' })
  end
  for _, key in ipairs({ 'q', '<Esc>', 'n' }) do
    vim.keymap.set('n', key, close, { buffer = buffer, nowait = true, desc = 'Discard the edit' })
  end
end

---@type { request: indoors.Awaited, what: string }[] edits that were asked for
local asked = {}

--- End the edits that are being made.
---@return string[] what each was
function M.stop()
  local stopped = {}
  for _, one in ipairs(asked) do
    if awaited.is_running(one.request) then
      awaited.cancel(one.request)
      table.insert(stopped, one.what)
    end
  end
  asked = {}
  return stopped
end

--- The client that an edit is asked of: its server may have been started again while a person read the menu, or wrote.
---@param client vim.lsp.Client?
---@param wish table
---@return vim.lsp.Client?
local function current(client, wish)
  if client and not client:is_stopped() then return client end
  local buffer = uris.buffer(wish.uri)
  return buffer and clients.of(buffer)
end

--- Have the server make an edit, and show it.
---@param client vim.lsp.Client?
---@param wish table
function M.make(client, wish)
  -- An edit names what it changes.
  if wish.uri == 'file://' then return say(LOST .. ': this buffer has no name. Next: :write NAME, then ask again') end
  client = current(client, wish)
  if not client then return say(LOST .. ': the server has ended. Next: :Indoors restart') end
  local action = { title = wish.action, kind = 'refactor', data = wish }
  local name = type(wish.uri) == 'string' and vim.fs.basename(vim.uri_to_fname(wish.uri)) or ''
  local what = vim.trim(('%s %s'):format(wish.action, name))
  -- Where there is no safe edit, the server says so itself.
  local request = awaited.request(client, 'codeAction/resolve', action, LOST, function(failure, made)
    if failure then
      if failure.code ~= -32800 then say(awaited.failed(LOST, failure)) end
    elseif type(made) == 'table' and made.edit then
      meant.when_free(function() M.show(made.edit, client.offset_encoding) end)
    end
  end)
  if not request then return end
  asked = vim.tbl_filter(function(one) return awaited.is_running(one.request) end, asked)
  table.insert(asked, { request = request, what = what })
  -- Later, also so that it does not stand below what was just typed at a prompt: Neovim would ask for <CR> then.
  vim.defer_fn(function()
    if awaited.is_running(request) then say('editing… Next: :Indoors stop ends it') end
  end, M.PATIENCE_MS)
end

--- Ask what is wanted, then make the edit.
---@param client vim.lsp.Client?
---@param wish table
function M.ask(client, wish)
  -- The model reads the code while the person writes.
  if client and not client:is_stopped() then client:notify('indoors/willEdit', wish) end
  vim.ui.input({ prompt = 'Edit: ' }, function(said)
    if said and vim.trim(said) ~= '' then M.make(client, vim.tbl_extend('force', wish, { instruction = said })) end
  end)
end

--- What is reported on lines of the current buffer, as LSP has it, with columns as our server counts them. All that is
--- reported: by linters that are no language servers too, and Neovim's own menu sends a server only what that reported.
---@param first integer
---@param last integer
---@param encoding string
---@return lsp.Diagnostic[]
function M.reports(first, last, encoding)
  local found = {}
  for _, one in ipairs(vim.diagnostic.get(0)) do
    if one.lnum <= last and (one.end_lnum or one.lnum) >= first then
      local line = vim.api.nvim_buf_get_lines(0, one.lnum, one.lnum + 1, false)[1] or ''
      local end_line = vim.api.nvim_buf_get_lines(0, one.end_lnum or one.lnum, (one.end_lnum or one.lnum) + 1, false)[1]
      table.insert(found, {
        message = one.message, source = one.source, severity = one.severity, code = one.code,
        range = {
          start = { line = one.lnum, character = vim.str_utfindex(line, encoding, one.col, false) },
          ['end'] = {
            line = one.end_lnum or one.lnum,
            character = vim.str_utfindex(end_line or '', encoding, one.end_col or one.col, false),
          },
        },
      })
    end
  end
  return found
end

--- The menu of what can be done here, fixes for what other tools report among it.
---@param options? vim.lsp.buf.code_action.Opts as of vim.lsp.buf.code_action
function M.menu(options)
  options = options or {}
  local first = options.range and options.range.start[1] - 1 or vim.fn.line('.') - 1
  local last = options.range and options.range['end'][1] - 1 or first
  local wanted, ours = options.filter, clients.of(vim.api.nvim_get_current_buf())
  local diagnostics = M.reports(first, last, ours and ours.offset_encoding or 'utf-16')
  vim.lsp.buf.code_action(vim.tbl_extend('force', options, {
    context = { diagnostics = diagnostics, only = options.context and options.context.only },
    filter = function(action, id)
      local command = action.command
      local name = type(command) == 'table' and command.command or command
      -- A disabled entry of ours has no command; it says why there are no others.
      local is_ours = name == nil and action.disabled or vim.startswith(tostring(name), 'indoors.')
      return is_ours and (wanted == nil or wanted(action, id)) or false
    end,
  }))
end

--- The commands of menu entries, for the client's configuration.
function M.commands()
  local function with(run)
    return function(command, context) run(vim.lsp.get_client_by_id(context.client_id), command.arguments[1]) end
  end
  return { ['indoors.preview'] = with(M.make), ['indoors.askInstruction'] = with(M.ask) }
end

return M
