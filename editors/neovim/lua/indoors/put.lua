-- What is accepted, put into the buffer: before the next key counts, and as a step of its own to undo.

local M = {}

---@type function?
local waiting

--- Have Neovim call a function of this module before it takes the next key, also one that is in its buffer already.
---@param name string
local function call_next(name)
  local command = ("<Cmd>lua require('indoors.put').%s()<CR>"):format(name)
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(command, true, false, true), 'in', false)
end

--- Run what changes text: at once, or, where Neovim evaluates an expression (an `expr` mapping) and lets nobody change
--- text, as soon as that has ended.
---@param run function
function M.soon(run)
  local worked, failure = pcall(run)
  if worked then return end
  if not tostring(failure):find('E565:', 1, true) then error(failure, 0) end
  waiting = run
  call_next('what_waits')
end

function M.what_waits()
  local run = waiting
  waiting = nil
  if run then run() end
end

--- What is typed from now on is another step to undo. Only a key makes it so, and not in normal mode: there the same
--- key undoes.
function M.close_step()
  if vim.api.nvim_get_mode().mode ~= 'i' then return end
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes('<C-g>u', true, false, true), 'in', false)
end

--- Put a piece of a suggestion at the cursor, and the cursor behind it.
---@param buffer integer
---@param found indoors.Fit
---@param piece string
---@param n_gone integer how many bytes behind the cursor it replaces
function M.piece(buffer, found, piece, n_gone)
  vim.cmd('let &g:undolevels = &g:undolevels') -- setting this option ends the step before
  local lines = vim.split(piece, '\n', { plain = true })
  vim.api.nvim_buf_set_text(buffer, found.row, found.col, found.row, found.col + n_gone, lines)
  local col = #lines == 1 and found.col + #piece or #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { found.row + #lines, col })
  -- What the new lines are folded into may be closed. (`zv` would be a key, and ends insert mode.)
  if vim.fn.foldclosed('.') ~= -1 then vim.cmd('.foldopen!') end
  call_next('close_step')
end

return M
